"""From a URL to a store."""

from __future__ import annotations

from pathlib import Path
from urllib.parse import parse_qsl, unquote, urlsplit

from ckpt_ops.errors import BadInput
from ckpt_ops.store.base import Store
from ckpt_ops.store.gcs import GcsStore
from ckpt_ops.store.local import LocalStore


def open_store(url: str) -> Store:
    """The store at `url`: `gs://bucket/prefix` or `file:///directory`.

    For gs:// the environment decides who is asked, as for every Google Cloud client:
    `STORAGE_EMULATOR_HOST` for a server on this machine, Application Default Credentials otherwise;
    `gs://bucket/prefix?endpoint=http://127.0.0.1:4443` names a server of its own.
    """
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
        "gs://BUCKET/PREFIX or file:///DIRECTORY",
        next="set CKPT_OPS_STORE, for example CKPT_OPS_STORE=gs://my-bucket/ckpt-ops",
    )
