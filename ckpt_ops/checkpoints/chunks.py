"""Content-addressed payload: bytes under the name of their own hash.

The same bytes are stored once, whoever writes them: frozen layers, retries and forks cost nothing.
A chunk can be checked by anyone who reads it, and a half-uploaded one has no name.
"""

from __future__ import annotations

from collections.abc import Iterator

import blake3

from ckpt_ops.errors import Corrupt
from ckpt_ops.store import Store

CHUNK_BYTES = 4 * 1024 * 1024


def chunk_name(digest: str) -> str:
    return f"chunks/{digest[:2]}/{digest}"


def digest_of(data: bytes | memoryview) -> str:
    return blake3.blake3(data).hexdigest()


def split(data: memoryview) -> Iterator[memoryview]:
    """`data` in pieces of `CHUNK_BYTES`; the last may be shorter. Nothing is copied."""
    for start in range(0, len(data), CHUNK_BYTES):
        yield data[start : start + CHUNK_BYTES]


def read_chunk(store: Store, digest: str) -> bytes:
    """The chunk's bytes. Raises `Corrupt` when they are not what the hash says."""
    name = chunk_name(digest)
    data = store.get(name)
    if digest_of(data) != digest:
        raise Corrupt(
            f"{store.url}/{name} does not match its hash ({len(data)} bytes)",
            safe="no other checkpoint was touched; nothing was restored",
            next="restore that object from a replica, or resume from an earlier checkpoint",
        )
    return data
