"""Checks of the stack's buckets: they exist and are readable, and the store's is writable."""

from __future__ import annotations

import os
import secrets
import socket
import urllib.error
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit

from ckpt_ops.embedded.gcs_server import create_bucket
from ckpt_ops.errors import CkptOpsError, ObjectNotFound, TerminalError
from ckpt_ops.store import Store, open_store

PROBE = "preflight"


def create_local(*urls: str) -> None:
    """Make the buckets in the stack's own GCS server; buckets at Google are made by their owner.

    Args:
        urls: `gs://BUCKET/PREFIX`, several of them separated by commas where the store is redundant.

    Raises:
        TerminalError: the server refused, or is not there.
    """
    server = os.environ.get("STORAGE_EMULATOR_HOST")
    if not server:
        return
    for bucket in sorted({urlsplit(each.strip()).netloc for url in urls for each in url.split(",")}):
        try:
            create_bucket(server, bucket, seconds=30.0)
        except urllib.error.HTTPError as error:
            raise TerminalError(
                f"the GCS server at {server} refused to make the bucket {bucket} (HTTP {error.code})",
                safe="no object was touched",
                next="docker compose logs gcs",
            ) from None
        except OSError:
            raise TerminalError(
                f"nothing answers at STORAGE_EMULATOR_HOST={server}",
                safe="nothing was written",
                next="for the stack's own GCS server set COMPOSE_PROFILES=local-gcs in .env, for Google's "
                "buckets leave both empty",
            ) from None


def require_writable(variable: str, url: str) -> None:
    """Try on one small object all that the store will ever do; it stays only where it may not be deleted.

    Raises:
        CkptOpsError: the store's own error, with the variable in front.
    """
    name = f"{PROBE}/{socket.gethostname()}-{secrets.token_hex(8)}"
    with _naming(variable, url):
        store = open_store(url)
        if not store.put_if_absent(name, b"{}") or store.put_if_absent(name, b"[]"):
            raise TerminalError("a conditional write was not honoured: this bucket can't hold a log")
        _look(store, name)
        store.put(name, b"{ }")
        store.delete(name)
        try:
            store.get(name)
        except ObjectNotFound:
            return
        raise TerminalError("a deleted object is still there: is the bucket under a retention policy?")


def require_readable(variable: str, url: str) -> None:
    """List it, as every search for new slices does."""
    with _naming(variable, url):
        next(iter(open_store(url).list("")), None)


def _look(store: Store, name: str) -> None:
    if store.get(name) != b"{}" or [entry.name for entry in store.list(name)] != [name]:
        raise TerminalError("an object that was written cannot be read back or is not listed")


def require_credentials(variable: str, path: str) -> None:
    """Refuse a file that this user can't read.

    Args:
        variable: of .env, which names the file on the host.
        path: of the file in the container; empty if there is none.

    Raises:
        TerminalError: naming the variable.
    """
    if not path or (Path(path).is_file() and os.access(path, os.R_OK)):
        return
    raise TerminalError(
        f"{variable}: user {os.getuid()} of group {os.getgid()} cannot read the file",
        safe="nothing was read or written",
        next="chgrp 0 FILE && chmod 640 FILE (docs/how-to/deploy.md, `Against a real bucket`)",
    )


@contextmanager
def _naming(variable: str, url: str) -> Iterator[None]:
    """Says which variable of .env an error is about."""
    try:
        yield
    except CkptOpsError as error:
        raise TerminalError(
            f"{variable}={url}: {error.what}",
            safe=error.safe or "no object of the store was changed",
            next=f"{error.next or 'correct the variable'}. In .env: "
            "docs/how-to/deploy.md, `Against a real bucket`",
        ) from error
