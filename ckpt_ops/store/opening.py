"""From a URL to a store."""

from __future__ import annotations

import os
import re
from pathlib import Path
from urllib.parse import parse_qsl, unquote

from ckpt_ops.errors import BadInput, BucketNotFound
from ckpt_ops.store.base import Store
from ckpt_ops.store.gcs import GcsStore
from ckpt_ops.store.local import LocalStore
from ckpt_ops.store.replication import ReplicatedStore
from ckpt_ops.store.replication.replica import Replica

_ENDPOINT = "?endpoint="
_BUCKET = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")


def open_store(url: str) -> Store:
    """The store at `url`: `gs://bucket/prefix` or `file:///directory`; or several, separated by commas.

    For gs:// the environment decides which server is asked, as for every Google Cloud client:
    `STORAGE_EMULATOR_HOST` for a server on this machine, Application Default Credentials otherwise;
    `gs://bucket/prefix?endpoint=http://127.0.0.1:4443` names another server, and
    `http://USER:SECRET@127.0.0.1:4443` one that requires a secret, which `Store.url` does not show.
    `?endpoint=` at the end is the only option: every other `?`, `#` or `%` after the bucket belongs to
    the prefix, because an object's name may contain them. In file:// a `%` and two hexadecimal
    digits are a character, as in every such URL, and `#` and `?` are themselves.

    Two or three URLs are a `ReplicatedStore`, the first its primary; `CKPT_OPS_STORE_QUORUM` is its
    write quorum. One of its stores may be down, or its directory missing: that is what it is for.
    """
    if "," not in url:
        return _open_one(url)
    replicas = [_open_replica(each.strip()) for each in url.split(",")]
    return ReplicatedStore(replicas, write_quorum=_quorum_from_environment())


def _open_one(url: str) -> Store:
    address, option, endpoint = url.rpartition(_ENDPOINT) if _ENDPOINT in url else (url, "", "")
    scheme, _, place = url.partition(":")
    bucket, _, prefix = address.partition(":")[2].removeprefix("//").partition("/")
    legible = all(character >= " " for character in url)
    if scheme == "gs" and _BUCKET.fullmatch(bucket) and legible:
        asked = dict(parse_qsl(f"endpoint={endpoint}")) if option else {}
        return GcsStore(bucket=bucket, prefix=prefix.strip("/"), endpoint=asked.get("endpoint") or None)
    path = place.removeprefix("//")
    if scheme == "file" and path.startswith("/") and legible:
        return LocalStore(Path(unquote(path)))
    raise BadInput(
        "store",
        address,  # an endpoint may have a secret in it
        "gs://BUCKET/PREFIX or file:///DIRECTORY, or two or three of them separated by commas",
        next="set CKPT_OPS_STORE, for example CKPT_OPS_STORE=gs://my-bucket/ckpt-ops",
    )


def _open_replica(url: str) -> Replica:
    try:
        return Replica.of(_open_one(url))
    except BucketNotFound:  # only for a directory: a bucket is not checked before it is used
        return Replica(url, lambda: _open_one(url))  # it may be mounted again while we run


def _quorum_from_environment() -> int | None:
    value = os.environ.get("CKPT_OPS_STORE_QUORUM", "").strip()
    if not value:
        return None
    if not value.isdecimal():
        raise BadInput("CKPT_OPS_STORE_QUORUM", value, "a whole number of stores")
    return int(value)
