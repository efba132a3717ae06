"""Writing snapshots in the background.

Order is what makes a torn save invisible: first the chunks, then the manifest, then - by whoever
owns the candidate's log - the commit. A process killed anywhere before the commit leaves objects
that nothing refers to.

One save is in flight at a time. `submit` waits for the one before it, which bounds memory to one
held snapshot besides the live model, and raises what went wrong with it: a failed save is never
silent.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from concurrent.futures import Future, ThreadPoolExecutor, wait
from dataclasses import dataclass
from types import TracebackType
from typing import Any

import numpy as np

from ckpt_ops.checkpoints.capture import Snapshot
from ckpt_ops.checkpoints.chunks import CHUNK_BYTES, chunk_name, digest_of, split
from ckpt_ops.checkpoints.manifest import Manifest, Segment, TensorEntry
from ckpt_ops.store import Store

_PACK_BELOW = CHUNK_BYTES // 4
_UPLOADS = 4


@dataclass(frozen=True, kw_only=True)
class Saved:
    """A checkpoint whose chunks and manifest are stored, ready to be committed."""

    step: int
    manifest: str
    nbytes: int
    uploaded: int


class BackgroundWriter:
    """Writes snapshots to `store`, one at a time, in a thread of its own.

    Args:
        describe: makes the manifest of a snapshot from its segments.
        name: the manifest's object name for a step.
        commit: called in the writer's thread after the manifest is stored. What it raises reaches
            the training loop at the next `submit` or `wait`.
    """

    def __init__(
        self,
        store: Store,
        *,
        describe: Callable[[int, tuple[Segment, ...]], Manifest],
        name: Callable[[int], str],
        commit: Callable[[Saved], None],
    ) -> None:
        self._store, self._describe, self._name, self._commit = store, describe, name, commit
        self._present: set[str] = set()  # chunks that this writer has stored or is storing
        self._worker = ThreadPoolExecutor(1, thread_name_prefix="checkpoint-writer")
        self._uploads = ThreadPoolExecutor(_UPLOADS, thread_name_prefix="checkpoint-upload")
        self._in_flight: Future[None] | None = None

    def submit(self, snapshot: Snapshot) -> None:
        """Begin to write `snapshot`; waits for the save before it and raises its error."""
        self.wait()
        self._in_flight = self._worker.submit(self._save, snapshot)

    def wait(self) -> None:
        """Until what was submitted is committed. Raises its error."""
        if self._in_flight is not None:
            pending, self._in_flight = self._in_flight, None
            pending.result()

    def failed(self) -> bool:
        """Whether the save in flight has already failed; `wait` raises why. Never blocks."""
        return (
            self._in_flight is not None and self._in_flight.done() and self._in_flight.exception() is not None
        )

    def __enter__(self) -> BackgroundWriter:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            if error is None:
                self.wait()
        finally:
            self._worker.shutdown(wait=True)
            self._uploads.shutdown(wait=True)

    def _save(self, snapshot: Snapshot) -> None:
        uploads: list[Future[int]] = []
        try:
            segments = tuple(self._segments(snapshot, uploads))
        finally:
            wait(uploads)  # none may fail later, while the next save counts on its chunk
        uploaded = sum(upload.result() for upload in uploads)
        manifest = self._describe(snapshot.step, segments)
        name = self._name(snapshot.step)
        self._store.put(name, manifest.encode())
        self._commit(Saved(step=snapshot.step, manifest=name, nbytes=manifest.nbytes, uploaded=uploaded))

    def _segments(self, snapshot: Snapshot, uploads: list[Future[int]]) -> Iterable[Segment]:
        small: list[tuple[str, np.ndarray[Any, Any]]] = []
        for name, tensor in snapshot.tensors.items():
            # np.array of a scalar must stay 0-d: np.ascontiguousarray would make it 1-d.
            array = np.asarray(tensor, order="C")
            if array.nbytes < _PACK_BELOW:
                small.append((name, array))
            else:
                yield self._segment([(name, array)], array.reshape(-1).view(np.uint8).data, uploads)
        if small:
            packed = b"".join(array.tobytes() for _, array in small)
            yield self._segment(small, memoryview(packed), uploads)

    def _segment(
        self,
        arrays: list[tuple[str, np.ndarray[Any, Any]]],
        data: memoryview,
        uploads: list[Future[int]],
    ) -> Segment:
        entries, offset = [], 0
        for name, array in arrays:
            entries.append(
                TensorEntry(
                    name=name,
                    dtype=array.dtype.name,
                    shape=array.shape,
                    offset=offset,
                    nbytes=array.nbytes,
                )
            )
            offset += array.nbytes
        chunks = []
        for piece in split(data):
            digest = digest_of(piece)
            chunks.append(digest)
            if digest not in self._present:
                self._present.add(digest)
                uploads.append(self._uploads.submit(self._upload, digest, piece))
        return Segment(chunks=tuple(chunks), tensors=tuple(entries))

    def _upload(self, digest: str, piece: memoryview) -> int:
        try:
            self._store.put(chunk_name(digest), bytes(piece))
        except BaseException:
            self._present.discard(digest)
            raise
        return len(piece)
