"""A restore drill: can a checkpoint, picked at random, be restored and trained on, and in what time?

A backup that was never restored is a hope. The drill does what a machine does after a takeover:
a fresh process, the model built again, every variable restored and compared, one step trained. It
writes nothing to the store.
"""

from __future__ import annotations

import math
import random
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np

from ckpt_ops.candidates.champion import labels_of
from ckpt_ops.candidates.data import (
    TrainingData,
    batch_order,
    consumed_before,
    counted_before,
    load_data,
)
from ckpt_ops.candidates.given import of_manifest
from ckpt_ops.candidates.kept_predictions import PredictionsAgain, kept_predictions, predictions_again
from ckpt_ops.candidates.results import predict
from ckpt_ops.candidates.settings import draws_by_slice
from ckpt_ops.checkpoints import Manifest, capture, model_variables, read_tensors
from ckpt_ops.checkpoints.committed import committed, committed_manifest
from ckpt_ops.checkpoints.layer_state import layer_state, restore_model
from ckpt_ops.checkpoints.restore import BESIDE
from ckpt_ops.errors import BadInput, CkptOpsError, DrillFailed, ObjectNotFound
from ckpt_ops.lineage import LineageState, ModelLog, VersionState
from ckpt_ops.pipeline.code.own import is_code_of_today
from ckpt_ops.pipeline.code.then import code_of_version
from ckpt_ops.pipeline.model_work import ModelRequest, run_work
from ckpt_ops.pipeline.of_version import of_given
from ckpt_ops.pipeline.pipeline import Pipeline
from ckpt_ops.pipeline.user_code import build_model
from ckpt_ops.store import Store
from ckpt_ops.training import BatchOrder, Examples
from ckpt_ops.training.batches import batches
from ckpt_ops.training.step_function import step_function
from ckpt_ops.worker import Ended

_SAFE = "a drill writes nothing to the store; the checkpoint is as it was"


@dataclass(frozen=True, kw_only=True)
class DrillRequest(ModelRequest):
    """Drill the checkpoint of `version` at `step`."""

    step: int


@dataclass(frozen=True, kw_only=True)
class DrillSeconds:
    """How long each part took.

    Attributes:
        total: from the start of the process to its end, the interpreter's own start included; None inside.
    """

    import_and_build: float
    read_and_restore: float
    load_data: float
    first_step: float
    total: float | None = None


@dataclass(frozen=True, kw_only=True)
class Drilled:
    """A drill that found nothing wrong.

    Attributes:
        variables, bytes: how many were compared.
        loss: of the step; None when the model reports none.
        predictions: how they compare with what was kept; None for an intermediate checkpoint.
        next_batch: whether the step drew the batch that training would have drawn; not when `examples()`
            or the batch size differ from the version's.
    """

    variables: int
    bytes: int
    loss: float | None
    predictions: PredictionsAgain | None
    next_batch: bool
    seconds: DrillSeconds

    def to_json(self) -> dict[str, Any]:
        predictions = None if self.predictions is None else self.predictions.to_json()
        return {**asdict(self), "predictions": predictions}


def pick(store: Store, state: LineageState, versions: Sequence[int], seed: int) -> tuple[int, int]:
    """Version and step of a committed checkpoint of `versions` that retention has kept.

    The same seed picks the same one as long as the same checkpoints are kept.

    Raises:
        BadInput: there is no such version, or nothing to pick.
    """
    found = [
        (number, commit)
        for number in versions
        for commit in committed(store, state.model, state.version(number).version)
    ]
    for number, commit in random.Random(seed).sample(found, len(found)):
        if _kept(store, commit.manifest):
            return number, commit.step
    asked = ", ".join(map(str, versions)) or None
    raise BadInput("version", asked, f"a version of {state.model} with a kept checkpoint")


def run_drill(pipeline: Pipeline, store: Store, version: int, step: int) -> Drilled:
    """Drill the checkpoint of `version` at `step` in a process of its own.

    Raises:
        DrillFailed: what came back is not the checkpoint, or the process died.
        CkptOpsError: what restoring, building or reading raised, as it raised it.
    """

    def died(ended: Ended) -> CkptOpsError:
        return DrillFailed(
            f"the drill of {pipeline.name} v{version} step {step} {ended.message}",
            safe="a drill writes nothing to the store",
            next=f"the whole log is {ended.log}",
        )

    began = time.monotonic()
    request = DrillRequest(pipeline=pipeline.name, store=store.url, version=version, step=step)
    drilled = ModelLog(store, pipeline.name).state().version(version)
    with code_of_version(pipeline, store, drilled) as code:
        found = run_work(drill_apart, request, pipeline, named="drill", code=code, died=died)
    return replace(found, seconds=replace(found.seconds, total=time.monotonic() - began))


def drill_apart(request: DrillRequest) -> Drilled:
    """As `drill`."""
    return drill(*request.opened(), request.version, request.step)


def drill(pipeline: Pipeline, store: Store, number: int, step: int) -> Drilled:
    """Restore the checkpoint of version `number` at `step` and train one step from it.

    Predictions of a version's last checkpoint on the held-out rows are compared with what was kept.

    Raises:
        DrillFailed: a restored variable differs from the checkpoint, the model's predictions differ, or
            no step was made from it.
    """
    state = ModelLog(store, pipeline.name).state()
    version = state.version(number)
    began = time.monotonic()
    manifest = committed_manifest(store, pipeline.name, number, step=step)
    given = of_manifest(store, manifest)
    model, pipeline = build_model(pipeline, given), of_given(pipeline, given)
    variables, layers = model_variables(model), layer_state(model)
    built = time.monotonic()
    restore_model(store, manifest, model, variables, layers)
    restored = time.monotonic()
    compared = _compare(store, manifest, variables)
    loading = time.monotonic()
    data = load_data(
        pipeline,
        store,
        version,
        consumed_before(state, version),
        by_slice=draws_by_slice(pipeline, state, version),
        counted=counted_before(state, version),
    )
    order = batch_order(pipeline, version, data)
    final = version.trained is not None and version.trained.step == step
    predictions = _predict_again(pipeline, store, version, model, data, manifest) if final else None
    stepping = time.monotonic()
    loss = _one_step(model, variables, data.learn, order, step)
    return Drilled(
        variables=len(variables),
        bytes=compared,
        loss=loss,
        predictions=predictions,
        next_batch=dict(manifest.cursor) == order.cursor(step),
        seconds=DrillSeconds(
            import_and_build=built - began,
            read_and_restore=restored - built,
            load_data=stepping - loading,
            first_step=time.monotonic() - stepping,
        ),
    )


def _compare(store: Store, manifest: Manifest, variables: dict[str, Any]) -> int:
    """How many bytes are equal: all of the checkpoint, which is read again for this."""
    tensors = {
        name: tensor for name, tensor in read_tensors(store, manifest).items() if not name.startswith(BESIDE)
    }
    differing = [
        name for name, variable in variables.items() if variable.numpy().tobytes() != tensors[name].tobytes()
    ]
    if differing or len(tensors) != len(variables):
        raise DrillFailed(
            f"restored from {manifest.model} v{manifest.version} step {manifest.step}, "
            f"{len(differing)} of {len(tensors)} variables differ: {', '.join(differing)}",
            safe=_SAFE,
            next="this is a bug of ckpt_ops or of a layer that changes what is assigned to it: report it",
        )
    return sum(tensor.nbytes for tensor in tensors.values())


def _predict_again(
    pipeline: Pipeline,
    store: Store,
    version: VersionState,
    model: Any,
    data: TrainingData,
    manifest: Manifest,
) -> PredictionsAgain:
    kept = kept_predictions(store, version)
    # earlier versions of ckpt_ops evaluated every held-out row, however many
    rows = data.held_out if kept is None or kept.drawn_from is None else data.holdout
    predictions = predictions_again(
        kept, labels_of(rows), predict(model, rows.inputs, rows.positions) if kept else np.empty(0)
    )
    if predictions.differs:
        edited = not is_code_of_today(pipeline, manifest.code_digest)
        where = "look for what build_model() or examples() reads beside its code; otherwise report it"
        if edited:
            where = (
                f"{pipeline.folder} has changed since: build_model() or examples() gives a different result"
            )
        raise DrillFailed(
            f"restored from {manifest.model} v{manifest.version} step {manifest.step}, all variables are "
            f"equal, and {predictions.message}",
            safe=_SAFE,
            next=where,
        )
    return predictions


def _one_step(
    model: Any, variables: dict[str, Any], examples: Examples, order: BatchOrder, step: int
) -> float | None:
    """The loss of one step of the model's own; None when it reports none."""
    before = capture(variables, step=step)
    logs = step_function(model)(iter(batches(examples, order, step, step + 1, model=model)))
    metrics = {name: float(value) for name, value in logs.items()}
    after = capture(variables, step=step + 1)
    moved = any(
        np.asarray(held).tobytes() != np.asarray(after.tensors[name]).tobytes()
        for name, held in before.tensors.items()
    )
    if not moved or not all(map(math.isfinite, metrics.values())):
        numbers = ", ".join(f"{name} {value}" for name, value in metrics.items()) or "no number"
        raise DrillFailed(
            f"the first step from the restored checkpoint changed {'the' if moved else 'no'} variables and "
            f"reported {numbers}",
            safe=_SAFE,
            next="look at the step's batch and at build_model(); an earlier checkpoint may train on",
        )
    return metrics.get("loss")


def _kept(store: Store, manifest: str) -> bool:
    try:
        store.get(manifest)  # a damaged one counts as kept: the drill reports the damage
    except ObjectNotFound:
        return False
    return True
