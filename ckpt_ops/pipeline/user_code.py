"""Calling the user's functions, and saying clearly when they fail."""

from __future__ import annotations

import importlib
from collections.abc import Callable
from typing import Any

import pyarrow as pa

from ckpt_ops.errors import CkptOpsError, ModelCodeError
from ckpt_ops.pipeline.description import Pipeline
from ckpt_ops.training import Examples

_SAFE = "nothing was trained, no version or checkpoint was added; the champion serves on"


def build_model(pipeline: Pipeline) -> Any:
    """The pipeline's model, seeded and deterministic. Imports TensorFlow.

    Raises:
        ModelCodeError: the function cannot be imported, raised, or returned no compiled, built model.
    """
    import keras
    import tensorflow as tf

    keras.backend.clear_session()  # variables get the same names however many models this process has built
    keras.utils.set_random_seed(pipeline.seed)
    tf.config.experimental.enable_op_determinism()
    model = _call(pipeline.model)
    if not isinstance(model, keras.Model):
        raise ModelCodeError(
            f"{pipeline.model} returned a {type(model).__name__}, not a keras.Model",
            safe=_SAFE,
            next="return the compiled model from it",
        )
    return model


def make_examples(pipeline: Pipeline, table: pa.Table) -> Examples:
    """The rows of `table` as the model takes them. Raises `ModelCodeError`."""
    examples = _call(pipeline.examples, table)
    if not isinstance(examples, Examples):
        raise ModelCodeError(
            f"{pipeline.examples} returned a {type(examples).__name__}, not ckpt_ops.training.Examples",
            safe=_SAFE,
            next="return Examples(inputs=..., labels=..., segments=...) from it",
        )
    missing = [column for column in pipeline.segments if column not in examples.segments]
    if missing:
        raise ModelCodeError(
            f"{pipeline.examples}: segments lacks {', '.join(missing)}, which a gate judges by",
            safe=_SAFE,
            next=f"add segments={{{missing[0]!r}: ...}} to the Examples it returns",
        )
    return examples


def _call(reference: str, *arguments: object) -> Any:
    module_name, _, name = reference.partition(":")
    try:
        function: Callable[..., Any] = getattr(importlib.import_module(module_name), name)
        return function(*arguments)
    except CkptOpsError:
        raise
    except Exception as error:
        raise ModelCodeError(
            f"{reference} raised {type(error).__name__}: {error}",
            safe=_SAFE,
            next=f"mend {module_name}; a changed model is a new candidate",
        ) from error
