"""Checkpoints for any training loop, without a pipeline and without Airflow.

    with checkpointing(store, "my_model", model_variables(model), save=EverySteps(100)) as checkpoints:
        for step in range(checkpoints.at.step, 10_000):
            train_step(batch(step))
            checkpoints.after_step(step + 1)

Run again after a kill, it continues from the last committed checkpoint. A process that was thought dead
and still writes is refused (`Fenced`).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from ckpt_ops.checkpoints.capture import Snapshot, capture
from ckpt_ops.checkpoints.checkpointer import Checkpointer, Position
from ckpt_ops.checkpoints.committing import Commits
from ckpt_ops.checkpoints.keep import Keep
from ckpt_ops.checkpoints.manifest import Manifest, Segment
from ckpt_ops.checkpoints.requests import SaveRequestPoller
from ckpt_ops.checkpoints.restore import load_manifest, restore
from ckpt_ops.checkpoints.triggers import SaveTrigger
from ckpt_ops.checkpoints.writer import BackgroundWriter
from ckpt_ops.lineage import CandidateLog
from ckpt_ops.store import Store


@contextmanager
def checkpointing(
    store: Store,
    model: str,
    variables: Mapping[str, Any],
    *,
    save: SaveTrigger,
    keep: Keep | None = None,
    version: int = 1,
) -> Iterator[Checkpointer]:
    """Restore the last committed checkpoint of `version` of `model` into `variables`, if there is one, and
    yield what saves the next ones. Leaving the block saves the last state and waits until it is durable.

    SIGTERM sets `stopping`; leave the loop then. `ckpt-ops save-now MODEL` asks for a save.

    Args:
        variables: `tf.Variable`s or Keras variables by name, the same names in each process.

    Raises:
        IncompatibleCheckpoint, Corrupt, ObjectNotFound: the last checkpoint cannot be restored.
        Fenced: another process has begun to train this version since.
    """
    log = CandidateLog(store, model, version)
    attempt = log.start_attempt()
    commits = log.progress().commits
    folder = f"models/{model}/v{version}"
    start, parent = Position(), None
    committing = Commits(store, attempt, keep or Keep(), commits)

    def describe(snapshot: Snapshot, segments: tuple[Segment, ...]) -> Manifest:
        return Manifest(
            model=model,
            version=version,
            step=snapshot.step,
            parent=parent,
            cursor=snapshot.cursor,
            slices=(),
            segments=segments,
        )

    with BackgroundWriter(
        store,
        describe=describe,
        name=lambda step: f"{folder}/iter_num={step}/manifest-{attempt.token:06d}.json",
        commit=committing.commit,
    ) as writer:
        if commits:
            manifest = load_manifest(store, commits[-1].named)
            restore(store, manifest, variables)
            writer.resume(manifest, capture(variables, step=manifest.step))
            start = Position(step=manifest.step, seconds=commits[-1].seconds, cursor=manifest.cursor)
        poller = SaveRequestPoller(store, model, version)
        checkpoints = Checkpointer(writer, variables, save=save, requests=poller, start=start)
        try:
            with checkpoints.stopping_on_sigterm():
                yield checkpoints
                checkpoints.finish()
        finally:
            checkpoints.close()
