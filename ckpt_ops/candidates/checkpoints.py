"""The checkpoints of a candidate's training: where they go, what they hold, what they start from."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

from ckpt_ops.candidates.data import TrainingData
from ckpt_ops.checkpoints import (
    BackgroundWriter,
    Checkpointer,
    Commits,
    IntermediateWriter,
    Manifest,
    Position,
    Saved,
    SaveRequestPoller,
    Snapshot,
    capture,
    load_manifest,
)
from ckpt_ops.checkpoints.layer_state import KEY, LayerState, restore_model
from ckpt_ops.checkpoints.manifest import Segment
from ckpt_ops.checkpoints.saved_model import inputs_of
from ckpt_ops.lineage import VersionState
from ckpt_ops.lineage.candidate import Attempt, Commit
from ckpt_ops.pipeline.code.digests import lock_digest
from ckpt_ops.pipeline.code.own import code_digest
from ckpt_ops.pipeline.pipeline import Pipeline
from ckpt_ops.store import Store
from ckpt_ops.store.named import Named
from ckpt_ops.training import Examples
from ckpt_ops.training.finite import WeightsWatch
from ckpt_ops.training.schedules import as_written
from ckpt_ops.worker import CheckpointSaved, tell


@contextmanager
def candidate_checkpoints(
    pipeline: Pipeline,
    store: Store,
    version: VersionState,
    attempt: Attempt,
    *,
    model: Any,
    state: LayerState,
    variables: Mapping[str, Any],
    data: TrainingData,
    parent: Named | None,
    commits: Sequence[Commit],
) -> Iterator[Checkpointer]:
    """A checkpointer at the last commit of the last attempt, with `variables` restored to it.

    Args:
        state: what layers of the model hold beside variables, as it was built.
        parent: the manifest that `variables` were restored from, or None.
        commits: of earlier attempts.
    """
    folder = f"models/{pipeline.name}/v{version.version}"
    slices = tuple((ref.key, ref.revision) for ref in version.slices)
    digests = {"code_digest": code_digest(pipeline), "lock_digest": lock_digest()}
    structure = _structure(model, variables, data.train) | {KEY: state}
    committing = Commits(store, attempt, pipeline.keep, commits)
    weights = WeightsWatch(variables)

    def describe(snapshot: Snapshot, segments: tuple[Segment, ...]) -> Manifest:
        weights.check(snapshot)
        return Manifest(
            model=pipeline.name,
            version=version.version,
            step=snapshot.step,
            parent=parent.name if parent else None,
            cursor=snapshot.cursor,
            slices=slices,
            segments=segments,
            structure=structure,
            **digests,
        )

    def commit(saved: Saved) -> None:
        committing.commit(saved)
        tell(CheckpointSaved(step=saved.step, nbytes=saved.nbytes, uploaded=saved.uploaded))

    # The token keeps a fenced attempt from overwriting what the newer one committed.
    with BackgroundWriter(
        store,
        describe=describe,
        name=lambda at: f"{folder}/iter_num={at}/manifest-{attempt.token:06d}.json",
        commit=commit,
    ) as writer:
        start = Position()
        begins_at = commits[-1].named if commits else parent
        manifest = load_manifest(store, begins_at) if begins_at is not None else None
        if commits and manifest is not None:
            restore_model(store, manifest, model, variables, state)
            last = commits[-1]
            start = Position(step=last.step, seconds=last.seconds, metrics=last.metrics)
            print(f"resuming at step {start.step}", flush=True)
        if manifest is not None:
            writer.resume(manifest, capture(variables, step=start.step))
        checkpoints = Checkpointer(
            writer,
            variables,
            save=pipeline.save,
            requests=SaveRequestPoller(store, pipeline.name, version.version),
            intermediate=_intermediate(pipeline, store, model, data, folder, attempt.token, start.step),
            start=start,
        )
        try:
            with checkpoints.stopping_on_sigterm():
                yield checkpoints
        finally:
            checkpoints.close()


def _intermediate(
    pipeline: Pipeline, store: Store, model: Any, data: TrainingData, folder: str, token: int, step: int
) -> IntermediateWriter | None:
    settings = pipeline.intermediate
    if settings is None:
        return None
    rows = min(settings.rows, data.holdout.rows)
    return IntermediateWriter(
        store,
        model,
        settings,
        inputs={name: column[:rows] for name, column in data.holdout.inputs.items()},
        labels=data.holdout.labels[:rows],
        folder=folder,
        suffix=f"-{token:06d}",
        step=step,
    )


def _structure(model: Any, variables: Mapping[str, Any], examples: Examples) -> dict[str, Any]:
    """What a checkpoint says of the model; its inputs are there for whoever exports a tf.Module."""
    inputs = {name: spec.to_json() for name, spec in inputs_of(examples.inputs).items()}
    known = {"class": type(model).__name__, "name": model.name, "inputs": inputs}
    if not hasattr(model, "to_json"):
        trainable = [math.prod(one.shape) for one in variables.values() if one.trainable]
        known["parameters"] = sum(trainable)
        return {**known, "config": None, "why": "a tf.Module has no configuration"}
    known["parameters"] = model.count_params()
    try:
        with as_written(model):
            return {**known, "config": json.loads(model.to_json())}
    except (NotImplementedError, TypeError, ValueError) as error:
        return {**known, "config": None, "why": f"the model has no configuration: {error}"}
