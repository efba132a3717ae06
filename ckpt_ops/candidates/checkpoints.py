"""The checkpoints of a candidate's training: where they go, what they hold, what they start from."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np

from ckpt_ops.candidates.data import TrainingData
from ckpt_ops.candidates.given import Kept, in_structure
from ckpt_ops.candidates.parent import Parent, written_config
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
from ckpt_ops.checkpoints.placement import placement_of
from ckpt_ops.checkpoints.saved_model import inputs_of
from ckpt_ops.checkpoints.triggers import of_several
from ckpt_ops.lineage import VersionState
from ckpt_ops.lineage.candidate_log import Attempt, Commit
from ckpt_ops.lists import dense
from ckpt_ops.pipeline.code.digests import installed, lock_digest
from ckpt_ops.pipeline.code.own import code_digest
from ckpt_ops.pipeline.pipeline import Pipeline
from ckpt_ops.store import Store
from ckpt_ops.training import Examples
from ckpt_ops.training.batch_labels import BatchLabels
from ckpt_ops.training.distribution.replicas import Replicas
from ckpt_ops.training.finite import WeightsWatch
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
    parent: Parent | None,
    held: Mapping[str, Any],
    kept: Kept,
    commits: Sequence[Commit],
    replicas: Replicas | None = None,
) -> Iterator[Checkpointer]:
    """A checkpointer at the last commit of the last attempt, with `variables` restored to it.

    Args:
        state: what layers of the model hold beside variables, as it was built.
        parent: what `variables` were restored or transferred from, or None.
        held: of a parent that was transferred, the tensors that are compared with the first checkpoint.
        kept: where what `build_model()` was given is.
        commits: of earlier attempts.
        replicas: on which the model is; None: on one device.
    """
    folder = f"models/{pipeline.name}/v{version.version}"
    slices = tuple((ref.key, ref.revision) for ref in version.slices)
    digests = {"code_digest": code_digest(pipeline), "lock_digest": lock_digest()}
    libraries = tuple(installed())
    structure = _structure(model, variables, data.train) | {KEY: state} | in_structure(kept)
    placement = placement_of(
        model,
        variables.values(),
        deterministic=pipeline.numerics.deterministic,
        strategy=replicas.name if replicas else "",
        replicas=replicas.count if replicas else 1,
    )
    committing = Commits(store, attempt, pipeline.keep, commits)
    weights = WeightsWatch(variables)

    def describe(snapshot: Snapshot, segments: tuple[Segment, ...]) -> Manifest:
        weights.check(snapshot)
        return Manifest(
            model=pipeline.name,
            version=version.version,
            step=snapshot.step,
            parent=parent.named.name if parent else None,
            cursor=snapshot.cursor,
            slices=slices,
            segments=segments,
            structure=structure,
            libraries=libraries,
            placement=placement,
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
        if commits:
            last = commits[-1]
            manifest = load_manifest(store, last.named)
            restore_model(store, manifest, model, variables, state)
            start = Position(step=last.step, seconds=last.seconds, metrics=last.metrics)
            print(f"resuming at step {start.step}", flush=True)
            writer.resume(manifest, capture(variables, step=start.step))
        elif parent is not None:
            _begin(writer, parent, held, variables)
        checkpoints = Checkpointer(
            writer,
            variables,
            save=pipeline.save if replicas is None else of_several(pipeline.save, replicas.workers),
            requests=SaveRequestPoller(store, pipeline.name, version.version),
            intermediate=_intermediate(pipeline, store, model, data, folder, attempt.token, start.step),
            start=start,
        )
        try:
            with checkpoints.stopping_on_sigterm():
                yield checkpoints
        finally:
            checkpoints.close()


def _begin(
    writer: BackgroundWriter, parent: Parent, held: Mapping[str, Any], variables: Mapping[str, Any]
) -> None:
    """Let the first checkpoint be written against the parent's: of a table, the rows that are different."""
    if parent.transfer.same:
        writer.resume(parent.manifest, capture(variables, step=0))
    else:
        writer.resume(parent.manifest.only(held), Snapshot(step=0, tensors=held))


def _intermediate(
    pipeline: Pipeline, store: Store, model: Any, data: TrainingData, folder: str, token: int, step: int
) -> IntermediateWriter | None:
    settings = pipeline.intermediate
    if settings is None:
        return None
    rows = np.arange(min(settings.rows, data.holdout.rows))
    inputs = {name: dense(column[rows]) for name, column in data.holdout.inputs.items()}
    labels, weights = BatchLabels(data.holdout, model).of(rows, inputs)
    return IntermediateWriter(
        store,
        model,
        settings,
        inputs=inputs,
        labels=labels,
        weights=weights if data.holdout.positions else None,
        folder=folder,
        suffix=f"-{token:06d}",
        step=step,
    )


def _structure(model: Any, variables: Mapping[str, Any], examples: Examples) -> dict[str, Any]:
    """What a checkpoint says of the model; its inputs are there for whoever exports a tf.Module."""
    inputs = {name: spec.to_json() for name, spec in inputs_of(examples.inputs).items()}
    config, why = written_config(model)
    known = {"class": type(model).__name__, "name": model.name, "inputs": inputs}
    if hasattr(model, "count_params"):
        known["parameters"] = model.count_params()
    else:
        known["parameters"] = sum(math.prod(one.shape) for one in variables.values() if one.trainable)
    return {**known, "config": config, **({"why": why} if why else {})}
