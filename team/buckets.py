"""The buckets of the stack: there, readable, and the store's writable."""

from __future__ import annotations

import os
import secrets
import socket
from urllib.parse import urlsplit

from ckpt_ops.errors import CkptOpsError, ObjectNotFound, TerminalError
from ckpt_ops.store import Store, open_store

PROBE = "preflight"


def create_local(*urls: str) -> None:
    """Make the buckets in the stack's own GCS server; Google's are made by their owner.

    Args:
        urls: `gs://BUCKET/PREFIX`, several of them separated by commas where the store is redundant.
    """
    import requests

    server = os.environ.get("STORAGE_EMULATOR_HOST")
    if not server:
        return
    for bucket in sorted({urlsplit(each.strip()).netloc for url in urls for each in url.split(",")}):
        reply = requests.post(f"{server}/storage/v1/b?project=ckpt-ops", json={"name": bucket}, timeout=30)
        if reply.status_code not in (200, 409):  # 409: it is there
            raise TerminalError(
                f"the GCS server at {server} refused to make the bucket {bucket} (HTTP {reply.status_code})",
                safe="what is in it was not touched",
                next="docker compose logs gcs",
            )


def require_writable(variable: str, url: str) -> None:
    """Do with one small object all that the store will ever do, and leave nothing behind.

    Raises:
        CkptOpsError: the store's own word, with the variable in front.
    """
    name = f"{PROBE}/{socket.gethostname()}-{secrets.token_hex(8)}"
    with _naming(variable, url):
        store = open_store(url)
        if not store.put_if_absent(name, b"{}") or store.put_if_absent(name, b"[]"):
            raise TerminalError("a conditional write was not kept: this bucket can't hold a log")
        _look(store, name)
        store.put(name, b"{ }")
        store.delete(name)
        try:
            store.get(name)
        except ObjectNotFound:
            return
        raise TerminalError("a deleted object is still there: is the bucket under a retention policy?")


def require_readable(variable: str, url: str) -> None:
    """List it, as every look for new slices does."""
    with _naming(variable, url):
        next(iter(open_store(url).list("")), None)


def _look(store: Store, name: str) -> None:
    if store.get(name) != b"{}" or [entry.name for entry in store.list(name)] != [name]:
        raise TerminalError("an object that was written is not read back or not listed")


class _naming:
    """Says which variable of .env an error is about."""

    def __init__(self, variable: str, url: str) -> None:
        self._field = f"{variable}={url}"

    def __enter__(self) -> None:
        return

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: object) -> None:
        if isinstance(error, CkptOpsError):
            raise TerminalError(
                f"{self._field}: {error.what}",
                safe=error.safe or "no object of the store was changed",
                next=error.next or "correct the variable in .env (docs/deploy.md, `Against a real bucket`)",
            ) from error
