"""Calls the user's functions, with clear errors when they fail."""

from __future__ import annotations

import importlib
import inspect
from collections.abc import Callable, Mapping
from contextlib import nullcontext
from typing import Any

import pyarrow as pa

from ckpt_ops.errors import BadInput, CkptOpsError, ModelCodeError
from ckpt_ops.pipeline.as_declared import leave_it_out, unreadable
from ckpt_ops.pipeline.given import Given
from ckpt_ops.pipeline.of_version import given_to
from ckpt_ops.pipeline.pipeline import Pipeline
from ckpt_ops.short_errors import in_short
from ckpt_ops.training import Examples
from ckpt_ops.training.columns import as_column
from ckpt_ops.training.distribution.one_device import check_one_device
from ckpt_ops.training.distribution.replicas import Replicas
from ckpt_ops.training.light_import import light_import
from ckpt_ops.training.mixed_precision import check_follows, dtype_policy
from ckpt_ops.training.module import check_module

_VOCABULARIES = "vocabularies"
_SAFE = "nothing was trained, no version or checkpoint was added; the champion serves on"


def build_model(pipeline: Pipeline, given: Given | None = None, *, replicas: Replicas | None = None) -> Any:
    """The pipeline's model, seeded, and computing as `numerics` says: a Keras model or a `TrainableModule`.

    Imports TensorFlow.

    Args:
        given: vocabularies and adapted values of the version that the model is for, where it has any.
        replicas: on which its variables are made; None: on one device.

    Raises:
        ModelCodeError: the function cannot be imported, raised, returned neither, or a model under a strategy
            of its own, or with a precision of its own beside that of the pipeline.
        BadInput: a setting of the pipeline is for Keras models only, and this is none.
    """
    with light_import():
        import keras
        import tensorflow as tf

    keras.backend.clear_session()  # variables get the same names however many models this process has built
    keras.utils.set_random_seed(pipeline.seed)
    pipeline.numerics.begin()
    arguments = (given or Given()).arguments(
        vocabularies=bool(pipeline.vocabularies), adapted=bool(pipeline.adapt)
    )
    several = nullcontext() if replicas is None else replicas.scope()
    with several, dtype_policy(pipeline.numerics, made_by=pipeline.model):
        model = call(pipeline.model, **arguments)
        if isinstance(model, keras.Model) and replicas is not None and model.optimizer is not None:
            model.optimizer.build(model.trainable_variables)  # its variables lie beside those of the model
    if isinstance(model, keras.Model | tf.Module) and replicas is None:
        check_one_device(model, made_by=pipeline.model)
    if isinstance(model, tf.Module):
        check_module(model, made_by=pipeline.model)
        if pipeline.intermediate is not None:
            raise BadInput(
                "intermediate",
                pipeline.intermediate,
                "None, as the model is a tf.Module: only a Keras model has layers to look into",
                next="leave intermediate= out of the pipeline, or return a keras.Model from build_model()",
            )
    elif not isinstance(model, keras.Model):
        raise ModelCodeError(
            f"{pipeline.model} returned a {type(model).__name__}, neither a keras.Model nor a tf.Module",
            safe=_SAFE,
            next="return a compiled keras.Model, or a tf.Module with train_step(inputs, labels) and "
            "__call__(inputs, training=False), from it",
        )
    check_follows(model, pipeline.numerics, made_by=pipeline.model)
    return model


def make_examples(pipeline: Pipeline, table: pa.Table, *, of: str = "") -> Examples:
    """The rows of `table` as the model takes them.

    Args:
        of: key of the slice that they are of, for messages.

    Raises:
        ModelCodeError: the function raised, or returned something else. Where the rows lack a column that
            the source declares, it names slice and column. Or it takes vocabularies, and there are none.
    """
    examples = _call_on(pipeline, pipeline.examples, table, of)
    return _checked_examples(pipeline, examples)


def takes_vocabularies(pipeline: Pipeline) -> bool:
    """Whether what the pipeline makes of rows follows the vocabularies of a version. Imports its code."""
    return any(
        _takes_vocabularies(function_of(name)) for name in (pipeline.examples, pipeline.inputs) if name
    )


def _checked_examples(pipeline: Pipeline, examples: Any) -> Examples:
    if not isinstance(examples, Examples):
        raise ModelCodeError(
            f"{pipeline.examples} returned a {type(examples).__name__}, not ckpt_ops.training.Examples",
            safe=_SAFE,
            next="return Examples(inputs=..., labels=..., segments=...) from it",
        )
    missing = [column for column in pipeline.segments if column not in examples.segments]
    if missing:
        raise ModelCodeError(
            f"{pipeline.examples}: segments lacks {', '.join(missing)}, which a gate evaluates by",
            safe=_SAFE,
            next=f"add segments={{{missing[0]!r}: ...}} to the Examples it returns",
        )
    return examples


def make_inputs(pipeline: Pipeline, table: pa.Table, *, of: str = "") -> dict[str, Any]:
    """What the model takes of every row of `table`, by the pipeline's `inputs`. Raises as `make_examples`."""
    return _checked_inputs(pipeline.inputs, table, _call_on(pipeline, pipeline.inputs, table, of))


def inputs_by(reference: str, table: pa.Table, given: Given) -> dict[str, Any]:
    """As `make_inputs`, by any function that is named "package.module:function"."""
    return _checked_inputs(reference, table, call_on_rows(reference, table, given))


def _checked_inputs(reference: str, table: pa.Table, inputs: Any) -> dict[str, Any]:
    if isinstance(inputs, Mapping):
        inputs = {name: as_column(one, f"inputs[{name!r}]", by=reference) for name, one in inputs.items()}
    found = {name: len(column) for name, column in inputs.items()} if isinstance(inputs, Mapping) else {}
    if not found or set(found.values()) != {table.num_rows}:
        returned = f"columns with {found} rows" if found else f"a {type(inputs).__name__}"
        raise ModelCodeError(
            f"{reference} returned {returned} for {table.num_rows} rows",
            safe=_SAFE,
            next="return a mapping of input names to arrays with one entry for each row of the table",
        )
    return dict(inputs)


def _call_on(pipeline: Pipeline, reference: str, table: pa.Table, of: str) -> Any:
    """`call` on rows of a slice. A missing column explains more than the function's own error."""
    try:
        return call_on_rows(reference, table, given_to(pipeline))
    except ModelCodeError as error:
        lacking = unreadable(pipeline.source, of, table.schema)
        if not lacking:
            raise
        rows = f"slice {of} of source {pipeline.source.name!r}" if of else "rows of a stored slice"
        raise ModelCodeError(
            f"{rows} cannot be read as declared: {'; '.join(lacking)}. {error.what}",
            safe=_SAFE,
            next=f"{leave_it_out(pipeline.name, of or 'KEY')}; or let {reference} do without the column, or "
            f"declare when it is there: column_times={{{_first_lacking(pipeline, table)!r}: Since(KEY, "
            "default=None)} of the source",
        ) from error


def _first_lacking(pipeline: Pipeline, table: pa.Table) -> str:
    return next((name for name in pipeline.source.schema.names if name not in table.column_names), "COLUMN")


def call_on_rows(reference: str, table: pa.Table, given: Given | None) -> Any:
    """What a function of the user makes of rows, with the vocabularies of `given` if it takes them.

    Raises:
        ModelCodeError: it cannot be imported, or raised; or it takes vocabularies, and there are none.
    """
    if not _takes_vocabularies(function_of(reference)):
        return call(reference, table)
    if given is None or not given.vocabularies:
        raise ModelCodeError(
            f"{reference} takes {_VOCABULARIES}, and the version has none",
            safe=_SAFE,
            next="set vocabularies=[Vocabulary(column, capacity)] in the pipeline, or remove the parameter",
        )
    return call(reference, table, **{_VOCABULARIES: dict(given.lookups)})


def call(reference: str, *arguments: object, **named: object) -> Any:
    """What a function of the user returns. Raises `ModelCodeError`: it cannot be imported, or raised."""
    function = function_of(reference)
    return _as_model_code(reference, lambda: function(*arguments, **named))


def function_of(reference: str) -> Callable[..., Any]:
    """The function that is named "package.module:function". Raises `ModelCodeError`: there is none."""
    module_name, _, name = reference.partition(":")
    found: Callable[..., Any] = _as_model_code(
        reference, lambda: getattr(importlib.import_module(module_name), name)
    )
    return found


def _takes_vocabularies(function: Callable[..., Any]) -> bool:
    try:
        return _VOCABULARIES in inspect.signature(function).parameters
    except (TypeError, ValueError):  # it does not say what it takes
        return False


def _as_model_code(reference: str, do: Callable[[], Any]) -> Any:
    try:
        return do()
    except CkptOpsError:
        raise
    except Exception as error:
        raise ModelCodeError(
            f"{reference} raised {in_short(error)}",
            safe=_SAFE,
            next=f"fix {reference.partition(':')[0]}; a changed model is a new candidate",
        ) from error
