"""Writing snapshots in the background.

The order makes a torn save invisible: first the chunks, then the manifest, then - by whoever
owns the candidate's log - the commit. A process killed anywhere before the commit leaves objects
that nothing refers to.

One save is in flight at a time. `submit` waits for the previous one, which bounds memory to the
snapshot being written and the tables held to compare the next one with. It raises the error of the
previous one: a failed save is never silent.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from types import TracebackType

from ckpt_ops.checkpoints.capture import Snapshot
from ckpt_ops.checkpoints.chunks import ChunkUploads, digest_of
from ckpt_ops.checkpoints.manifest import Manifest, Segment
from ckpt_ops.checkpoints.segments import LARGE, Encoded, encode, restored
from ckpt_ops.store import Store


@dataclass(frozen=True, kw_only=True)
class Saved:
    """A checkpoint whose chunks and manifest are stored, ready to be committed.

    Attributes:
        manifest: the manifest's object name.
        digest: blake3 of the manifest's bytes.
        nbytes: of the tensors.
        uploaded: bytes that had to be written for them.
        seconds, metrics: the snapshot's.
    """

    step: int
    manifest: str
    digest: str
    nbytes: int
    uploaded: int
    seconds: float = 0.0
    metrics: Mapping[str, float] = field(default_factory=dict)


class BackgroundWriter:
    """Writes snapshots to `store`, one at a time, in a thread of its own.

    Args:
        describe: makes the manifest of a snapshot from its segments.
        name: the manifest's object name for a step.
        commit: called in the writer's thread after the manifest is stored. What it raises reaches
            the training loop at the next `submit` or `wait`.
        large: tensors of at least this many bytes are compared and chunked on their own.
    """

    def __init__(
        self,
        store: Store,
        *,
        describe: Callable[[Snapshot, tuple[Segment, ...]], Manifest],
        name: Callable[[int], str],
        commit: Callable[[Saved], None],
        large: int = LARGE,
    ) -> None:
        self._store, self._describe, self.name_of, self._commit = store, describe, name, commit
        self._large = large
        self._uploads = ChunkUploads(store)
        self._committed = Encoded()
        self._worker = ThreadPoolExecutor(1, thread_name_prefix="checkpoint-writer")
        self._pending: list[Future[None]] = []

    def resume(self, manifest: Manifest, snapshot: Snapshot) -> None:
        """Compare the next checkpoint with `manifest`, just restored into what `snapshot` holds."""
        self._committed = restored(manifest, snapshot)
        self._uploads.keep(self._committed.chunks)

    def submit(self, snapshot: Snapshot) -> None:
        """Begin to write `snapshot`; wait for what was submitted before and raise its error."""
        self.wait()
        self.run(lambda: self._save(snapshot))

    def run(self, job: Callable[[], None]) -> None:
        """Do `job` in the writer's thread, after what was submitted before; do not wait.

        It is skipped when something before it, since the last `wait`, has failed.
        """
        before = tuple(self._pending)
        self._pending.append(self._worker.submit(lambda: None if _any_failed(before) else job()))

    def wait(self) -> None:
        """Wait until what was submitted is committed. Raises its error."""
        pending, self._pending = self._pending, []
        for each in pending:
            each.result()

    @property
    def busy(self) -> bool:
        """Whether something submitted is not yet done. Never blocks."""
        return not all(each.done() for each in self._pending)

    def failed(self) -> bool:
        """Whether something submitted has already failed; `wait` raises why. Never blocks."""
        return _any_failed(self._pending)

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
            self._uploads.close()

    def _save(self, snapshot: Snapshot) -> None:
        try:
            encoded = encode(snapshot, self._committed, self._uploads.put, large=self._large)
        finally:
            uploaded = self._uploads.finish()
        manifest = self._describe(snapshot, encoded.segments)
        name, data = self.name_of(snapshot.step), manifest.encode()
        self._store.put(name, data)
        self._commit(
            Saved(
                step=snapshot.step,
                manifest=name,
                digest=digest_of(data),
                nbytes=manifest.nbytes,
                uploaded=uploaded,
                seconds=snapshot.seconds,
                metrics=snapshot.metrics,
            )
        )
        self._committed = encoded
        self._uploads.keep(encoded.chunks)


def _any_failed(jobs: Iterable[Future[None]]) -> bool:
    return any(job.done() and job.exception() is not None for job in jobs)
