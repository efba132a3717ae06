"""A model's forward pass as a SavedModel, as TensorFlow Serving and `tf.saved_model.load` take it.

`serve(inputs)` takes inputs by name, with as many rows as one likes. The signatures `serve` and
`serving_default` are the same.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from ckpt_ops.checkpoints.naming import tables
from ckpt_ops.errors import BadInput


@dataclass(frozen=True, kw_only=True)
class InputSpec:
    """One input of a model: the shape of a row, and the dtype by TensorFlow's name, such as "float32"."""

    shape: tuple[int, ...]
    dtype: str

    @classmethod
    def of(cls, column: npt.NDArray[Any]) -> InputSpec:
        """That of an array of shape (rows, ...)."""
        text = column.dtype.kind in "OSU"
        return cls(shape=tuple(column.shape[1:]), dtype="string" if text else column.dtype.name)

    @classmethod
    def read(cls, written: Mapping[str, Any]) -> InputSpec:
        """What `to_json` wrote."""
        return cls(shape=tuple(written["shape"]), dtype=written["dtype"])

    def to_json(self) -> dict[str, Any]:
        return {"shape": list(self.shape), "dtype": self.dtype}


def inputs_of(columns: Mapping[str, npt.NDArray[Any]]) -> dict[str, InputSpec]:
    """What a model takes, from arrays by input name."""
    return {name: InputSpec.of(np.asarray(column)) for name, column in columns.items()}


def write_saved_model(model: Any, folder: Path, inputs: Mapping[str, InputSpec] | None) -> None:
    """Write the forward pass of `model`, with the values that it has now, into `folder`.

    Of a `tf.Module`, only what serving uses is written: no optimizer, no other function.

    Args:
        model: a `keras.Model` or a `tf.Module`.
        inputs: what the model takes, by name. A Keras model of layers says it by itself; one of a class of
            its own says so much as it was called with.

    Raises:
        BadInput: `inputs` is None for a module.
    """
    import tensorflow as tf

    specs = {
        name: tf.TensorSpec((None, *one.shape), one.dtype, name=name)
        for name, one in sorted((inputs or {}).items())
    }
    if not isinstance(model, tf.Module):
        says_it = bool(getattr(model, "inputs", None)) or not specs
        model.export(str(folder), verbose=False, input_signature=None if says_it else [specs])
        return
    if not specs:
        raise BadInput("inputs", inputs, "what the module takes, by input name: a tf.Module does not say it")
    served = tf.Module()
    served.serve = tf.function(lambda inputs: model(inputs, training=False), input_signature=[specs])
    served.held = [list(served.serve.get_concrete_function().graph.variables), tables(model)]
    tf.saved_model.save(
        served, str(folder), signatures={"serve": served.serve, "serving_default": served.serve}
    )
