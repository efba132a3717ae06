"""From a URL to a store."""

from __future__ import annotations

import os
from pathlib import Path
from urllib.parse import parse_qsl, unquote, urlsplit

from ckpt_ops.errors import BadInput, BucketNotFound
from ckpt_ops.store.base import Store
from ckpt_ops.store.gcs import GcsStore
from ckpt_ops.store.local import LocalStore
from ckpt_ops.store.replication import ReplicatedStore
from ckpt_ops.store.replication.replica import Replica


def open_store(url: str) -> Store:
    """The store at `url`: `gs://bucket/prefix` or `file:///directory`; or several, separated by commas.

    For gs:// the environment decides who is asked, as for every Google Cloud client:
    `STORAGE_EMULATOR_HOST` for a server on this machine, Application Default Credentials otherwise;
    `gs://bucket/prefix?endpoint=http://127.0.0.1:4443` names a server of its own, and
    `http://USER:SECRET@127.0.0.1:4443` one that wants a secret, which `Store.url` does not show.

    Two or three URLs are a `ReplicatedStore`, the first its primary; `CKPT_OPS_STORE_QUORUM` is its
    write quorum. One of its stores may be down, or its directory missing: that is what it is for.
    """
    if "," not in url:
        return _open_one(url)
    replicas = [_open_replica(each.strip()) for each in url.split(",")]
    return ReplicatedStore(replicas, write_quorum=_quorum_from_environment())


def _open_one(url: str) -> Store:
    parts = urlsplit(url)
    if parts.scheme == "gs" and parts.netloc:
        asked = dict(parse_qsl(parts.query))
        return GcsStore(
            bucket=parts.netloc, prefix=parts.path.strip("/"), endpoint=asked.get("endpoint") or None
        )
    if parts.scheme == "file" and parts.path and not parts.netloc:
        return LocalStore(Path(unquote(parts.path)))
    raise BadInput(
        "store",
        url,
        "gs://BUCKET/PREFIX or file:///DIRECTORY, or two or three of them separated by commas",
        next="set CKPT_OPS_STORE, for example CKPT_OPS_STORE=gs://my-bucket/ckpt-ops",
    )


def _open_replica(url: str) -> Replica:
    try:
        return Replica.of(_open_one(url))
    except BucketNotFound:  # of a directory: a bucket is not looked for before it is used
        return Replica(url, lambda: _open_one(url))  # it may be mounted again while we run


def _quorum_from_environment() -> int | None:
    value = os.environ.get("CKPT_OPS_STORE_QUORUM", "").strip()
    if not value:
        return None
    if not value.isdecimal():
        raise BadInput("CKPT_OPS_STORE_QUORUM", value, "a whole number of stores")
    return int(value)
