"""A model's forward pass as a SavedModel, as TensorFlow Serving and `tf.saved_model.load` take it.

`serve(inputs)` takes the columns that `examples()` makes, by their names and in their dtypes, with any
number of rows, whatever the model's own inputs look like. The signatures `serve` and `serving_default` are
the same.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from ckpt_ops.checkpoints.model_inputs import forward, own_inputs
from ckpt_ops.checkpoints.naming import tables
from ckpt_ops.errors import BadInput

_COARSEST_FIRST = ("bfloat16", "float16", "float32", "float64")
POSITIONS = "assets.extra/ckpt_ops_positions.json"
"""The folder is the place that model servers leave to others."""
_MOVES = frozenset({"Identity", "IdentityN", "Pack", "Unpack", "Reshape", "Shape", "StridedSlice", "Squeeze"})
"""Operations that pass a value on unchanged, or give its shape."""


@dataclass(frozen=True, kw_only=True)
class InputSpec:
    """One input of a model: the shape of a row, and the dtype by TensorFlow's name, such as "float32".

    A length that differs from batch to batch is None.
    """

    shape: tuple[int | None, ...]
    dtype: str

    @classmethod
    def of(cls, column: Any) -> InputSpec:
        """The spec of an array of shape (rows, ...), of lists, or of a column of text."""
        text = column.dtype.kind in "OSU"
        return cls(shape=tuple(column.shape[1:]), dtype="string" if text else column.dtype.name)

    @classmethod
    def read(cls, written: Mapping[str, Any]) -> InputSpec:
        """The inverse of `to_json`."""
        return cls(shape=tuple(written["shape"]), dtype=written["dtype"])

    def to_json(self) -> dict[str, Any]:
        return {"shape": list(self.shape), "dtype": self.dtype}


def inputs_of(columns: Mapping[str, Any]) -> dict[str, InputSpec]:
    """What a model takes, from arrays and lists by input name."""
    return {
        name: InputSpec.of(column if hasattr(column, "dtype") else np.asarray(column))
        for name, column in columns.items()
    }


def inputs_taken(model: Any) -> dict[str, InputSpec]:
    """The inputs that a Keras model of layers declares; empty for a model that declares none."""
    return {
        name: InputSpec(shape=tuple(one.shape[1:]), dtype=one.dtype)
        for name, one in (own_inputs(model) or {}).items()
    }


def write_saved_model(
    model: Any,
    folder: Path,
    inputs: Mapping[str, InputSpec] | None,
    *,
    positions: Mapping[str, str] | None = None,
) -> None:
    """Write the forward pass of `model`, with the values that it has now, into `folder`.

    Only what serving uses is written: no optimizer, no other function.

    Args:
        model: a `keras.Model` or a `tf.Module`.
        inputs: what a request has to hold: the name, shape and dtype of each column, as `examples()` gives
            them. None: as the model declares them, which a Keras model of layers does.
        positions: the outputs with numbers for each position, and the input whose positions they are, as
            `Examples.follows` has them. Kept beside the model, as its graph does not tell.

    Raises:
        BadInput: neither tells what the model takes.
        ModelCodeError: the model takes something else.
    """
    _write_graph(model, folder, inputs)
    if positions:
        (folder / POSITIONS).parent.mkdir(exist_ok=True)
        (folder / POSITIONS).write_text(json.dumps(dict(positions)))


def positions_in(folder: Path) -> dict[str, str]:
    """What `write_saved_model` was given as `positions`; empty where no output has any."""
    kept = folder / POSITIONS
    return dict(json.loads(kept.read_text())) if kept.exists() else {}


def _write_graph(model: Any, folder: Path, inputs: Mapping[str, InputSpec] | None) -> None:
    import keras
    import tensorflow as tf

    taken = inputs or inputs_taken(model)
    if not taken and isinstance(model, keras.Model):  # a subclass remembers what it was called with
        model.export(str(folder), verbose=False)
        return
    if not taken:
        raise BadInput(
            "inputs",
            inputs,
            f"what the model takes, by input name: a {type(model).__name__} does not declare it",
        )
    called = argument_names(taken)
    specs = {
        name: tf.TensorSpec((None, *one.shape), one.dtype, name=called[name]) for name, one in taken.items()
    }
    predict = forward(model)
    if isinstance(model, keras.Model):
        archive = keras.export.ExportArchive()
        archive.track(model)  # its variables, and the tables of its layers
        archive.add_endpoint("serve", lambda inputs: predict(inputs), input_signature=[specs])
        archive.write_out(str(folder), verbose=False)
        return
    served = tf.Module()
    served.serve = tf.function(lambda inputs: predict(inputs), input_signature=[specs])
    served.held = [list(served.serve.get_concrete_function().graph.variables), tables(model)]
    tf.saved_model.save(
        served, str(folder), signatures={"serve": served.serve, "serving_default": served.serve}
    )


def precision_of(loaded: Any) -> str | None:
    """The floating type in which a SavedModel computes predictions; of several, the coarsest. None: none.

    Args:
        loaded: the result of `tf.saved_model.load`.
    """
    import tensorflow as tf

    graph = loaded.signatures["serving_default"].graph.as_graph_def()
    nodes = [*graph.node, *(node for function in graph.library.function for node in function.node_def)]
    types = {
        tf.as_dtype(node.attr["T"].type).name
        for node in nodes
        if node.op not in _MOVES
        and node.attr["T"].type  # a loop, as an RNN is one, has a list of types there
    }
    return next((name for name in _COARSEST_FIRST if name in types), None)


def argument_names(names: Iterable[str]) -> dict[str, str]:
    """By input name, its name in a signature: the same, except for names such as `net amount` that TensorFlow
    does not take for an argument. No two differ in capitals alone."""
    found: dict[str, str] = {}
    for name in names:
        plain = re.sub(r"\W", "_", name, flags=re.ASCII)
        plain = plain if plain[:1].isalpha() else f"arg_{plain}"
        called, number = plain, 1
        while called.lower() in (other.lower() for other in found.values()):
            called, number = f"{plain}_{number}", number + 1
        found[name] = called
    return found
