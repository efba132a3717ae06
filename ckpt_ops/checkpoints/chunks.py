"""Content-addressed payload: bytes under the name of their own hash.

The same bytes are stored once, whoever writes them: frozen layers, retries and forks cost nothing.
Anyone who reads a chunk can check it, and a half-uploaded one has no name.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor, wait

import blake3

from ckpt_ops.errors import Corrupt
from ckpt_ops.store import Store
from ckpt_ops.store.content import chunk_name

CHUNK_BYTES = 4 * 1024 * 1024
_UPLOADS = 4


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


class ChunkUploads:
    """Uploads the chunks of one save after another, several at a time, each from where it lies in memory.

    A chunk that the previous save referred to is not uploaded again. A writer can be sure only of those:
    garbage collection keeps what the last committed checkpoint needs, and may have removed anything else.
    """

    def __init__(self, store: Store) -> None:
        self._store = store
        self._pool = ThreadPoolExecutor(_UPLOADS, thread_name_prefix="checkpoint-upload")
        self._kept: frozenset[str] = frozenset()
        self._begun: dict[str, Future[int]] = {}

    def put(self, data: memoryview) -> tuple[str, ...]:
        """Begin to upload `data`, which must not change until `finish`. Returns the digests of its chunks."""
        digests = []
        for piece in split(data):
            digest = digest_of(piece)
            digests.append(digest)
            if digest not in self._kept and digest not in self._begun:
                self._begun[digest] = self._pool.submit(self._upload, digest, piece)
        return tuple(digests)

    def finish(self) -> int:
        """Wait for every upload that was started. Returns their bytes; raises what one raised."""
        begun, self._begun = self._begun, {}
        wait(begun.values())  # none may fail later, while the next save counts on its chunk
        return sum(upload.result() for upload in begun.values())

    def keep(self, chunks: Iterable[str]) -> None:
        """Note the chunks of the checkpoint that was just committed."""
        self._kept = frozenset(chunks)

    def close(self) -> None:
        self._pool.shutdown(wait=True)

    def _upload(self, digest: str, piece: memoryview) -> int:
        self._store.put(chunk_name(digest), piece)
        return len(piece)
