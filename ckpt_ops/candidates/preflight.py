"""Finds what is wrong with a candidate before it is opened in the log, while nothing is spent on it.

A training that is opened and fails leaves a version that every retry goes on with, only to fail the same way.
So this checks whether the model's code, the rows and the parent's checkpoint work together. Nothing of the
model changes.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from ckpt_ops.candidates.named_outputs import check_named
from ckpt_ops.candidates.parent import Parent
from ckpt_ops.checkpoints import read_tensors
from ckpt_ops.checkpoints.layer_state import holders
from ckpt_ops.checkpoints.naming import optimizers
from ckpt_ops.errors import BadInput, ModelCodeError
from ckpt_ops.pipeline.pipeline import Pipeline
from ckpt_ops.pipeline.user_code import takes_vocabularies
from ckpt_ops.store import Store
from ckpt_ops.training import BatchOrder, Examples, Schedules
from ckpt_ops.training.batches import batch_of, batches
from ckpt_ops.training.compiling import check_compiles
from ckpt_ops.training.distribution.allowed import check_examples
from ckpt_ops.training.distribution.replicas import Replicas
from ckpt_ops.training.mixed_precision import check_outputs
from ckpt_ops.training.schedules import ScheduleStarts
from ckpt_ops.training.step_function import Step
from ckpt_ops.training.tracing import trace_prediction


def preflight(
    pipeline: Pipeline,
    store: Store,
    *,
    model: Any,
    step: Step,
    schedules: ScheduleStarts,
    variables: Mapping[str, Any],
    examples: Examples,
    order: BatchOrder,
    parent: Parent | None,
    replicas: Replicas | None = None,
) -> None:
    """Check that `model` can be trained on `examples`, from `parent` on.

    Raises:
        TransferRefused: the model is different from the parent in a way that the pipeline does not allow.
        BadInput: two averages of the weights are asked for; a gate, a policy or `stop_early` names an output
            that the model does not have, or none of several; the rows cannot be shared out.
        ModelCodeError: a step or a prediction cannot be traced, or depends on what no checkpoint holds; the
            learning rate keeps the model from learning; nothing in the model says what the rows of a
            vocabulary stand for; XLA is to compile a step and cannot; an output is of half precision.
    """
    _check_rows_stand_for(pipeline, model)
    if parent is not None:
        parent.check()
    _check_averages(pipeline, model)
    if replicas is not None:
        check_examples(examples)
        replicas.share(order)
    inputs, labels, *_ = batch_of(examples)
    # first: a loss without its output is not the error's cause
    predicted = trace_prediction(model, inputs, labels, positions=examples.follows)
    check_outputs(model, predicted, pipeline.numerics)
    step.look(batch_of(examples, model=model))
    check_compiles(model, lambda: next(iter(batches(examples, order, 0, 1, model=model))))
    check_named(pipeline, examples)
    since = None
    if pipeline.schedules is Schedules.OVER_LIFE and parent is not None:
        since = _iterations(store, parent, model, variables)
    schedules.check(pipeline.budget.last_step(steps_per_epoch=order.steps_per_epoch), since=since)


def _check_rows_stand_for(pipeline: Pipeline, model: Any) -> None:
    """Where `examples()` finds rows, the model has to say of which vocabulary: rows are taken back."""
    if not pipeline.vocabularies or not takes_vocabularies(pipeline):
        return
    told = {getattr(layer, "column", None) for layer, _ in holders(model) if _is_lookup(layer)}
    missing = [one.column for one in pipeline.vocabularies if one.column not in told]
    if missing:
        raise ModelCodeError(
            f"{pipeline.examples} takes vocabularies, and no layer of {pipeline.model} says which rows are "
            f"those of {', '.join(missing)}: a row that is taken back would go on with its weights",
            safe="nothing was trained, no version or checkpoint was added; the champion serves on",
            next=f"put vocabularies[{missing[0]!r}].rows_layer() between the input and its embedding",
        )


def _is_lookup(layer: Any) -> bool:
    return type(layer).__name__ == "VocabularyRows"


def _check_averages(pipeline: Pipeline, model: Any) -> None:
    averaging = [one.name for one in optimizers(model) if getattr(one, "use_ema", False)]
    if averaging and pipeline.stop_early is not None:
        raise BadInput(
            "stop_early",
            pipeline.stop_early,
            f"None, as the optimizer {averaging[0]} of the model averages the weights itself (use_ema=True)",
            next="remove use_ema from build_model(), or stop_early from the pipeline",
        )
    if averaging and pipeline.average is not None:
        raise BadInput(
            "average",
            pipeline.average,
            f"None, as the optimizer {averaging[0]} of the model averages the weights itself (use_ema=True)",
            next="set average=None in the pipeline, or remove use_ema from build_model()",
        )


def _iterations(store: Store, parent: Parent, model: Any, variables: Mapping[str, Any]) -> list[int]:
    """How many iterations each optimizer begins with; the rest of the parent's checkpoint is not read."""
    names = {id(variable): name for name, variable in variables.items()}
    wanted = [parent.source_of(names[id(optimizer._iterations)]) for optimizer in optimizers(model)]
    segments = [
        segment
        for segment in parent.manifest.segments
        if any(entry.name in wanted for entry in segment.tensors)
    ]
    read = read_tensors(store, replace(parent.manifest, segments=tuple(segments)))
    return [int(read[name]) if name in read else 0 for name in wanted]
