"""A SavedModel as a TensorFlow Lite file, and that file's predictions.

Only operators that TensorFlow Lite has itself: the others ("select TensorFlow ops") need the Flex delegate,
which TensorFlow's wheels lack since 2.20, so that a converted model could not be checked here.
"""

from __future__ import annotations

import re
import warnings
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from ckpt_ops.candidates.as_served.exported import SIGNATURE, Array, as_dtype, by_argument, by_batches
from ckpt_ops.errors import ConversionRefused
from ckpt_ops.short_errors import in_short

_OPERATORS = re.compile(r"(?:TF Select|Custom) ops: (.+)")
_AT = re.compile(r'fused\["(\w+):", "([^"@]+)/[^"/@]+@')  # an operator, and the layer that it belongs to


def to_tflite(folder: Path) -> bytes:
    """Raises `ConversionRefused` naming the operators that TensorFlow Lite lacks, or the layer."""
    import tensorflow as tf

    converter = tf.lite.TFLiteConverter.from_saved_model(str(folder), signature_keys=[SIGNATURE])
    converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS]
    try:
        return bytes(converter.convert())
    except Exception as error:
        raise ConversionRefused(_sentence(error)) from error


def _sentence(error: Exception) -> str:
    """One sentence from the converter's error, which is a compiler's notes with the full path to each."""
    text = str(error)
    lacking = sorted({name for found in _OPERATORS.findall(text) for name in found.split(", ")})
    if lacking:
        return f"TensorFlow Lite has no operator {', '.join(lacking)}"
    if at := _AT.search(text):
        operator, layer = at.groups()
        if operator.startswith("TensorList"):
            return (
                f"TensorFlow Lite cannot run the loop of layer {layer} ({operator}) over a number of rows "
                "that is not known in advance: make that RNN with unroll=True and a fixed number of steps"
            )
        return f"TensorFlow Lite cannot run {operator} of layer {layer}"
    return f"TensorFlow Lite cannot convert it: {in_short(error)}"


def ask_tflite(
    data: bytes, positions: Mapping[str, str] | None = None
) -> Callable[[Mapping[str, Any]], Array]:
    """The file as a function of inputs by name, as `exported.served` is one.

    Args:
        positions: the outputs with numbers for each position, as `positions_in` the export has them.
    """
    import tensorflow as tf

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # it will move to a different package, and works
        interpreter = tf.lite.Interpreter(model_content=data)
    taken = interpreter.get_signature_runner(SIGNATURE).get_input_details()
    types = {name: one["dtype"] for name, one in taken.items()}

    def ask(batch: Mapping[str, Array]) -> Any:
        runner = interpreter.get_signature_runner(SIGNATURE)
        given = by_argument(batch, types)
        return runner(**{name: _as(name, given[name], dtype) for name, dtype in types.items()})

    return lambda inputs: by_batches(ask, inputs, positions)


def _as(name: str, column: Array, dtype: type[Any]) -> Array:
    if dtype is np.bytes_ and column.dtype.kind in "OU":
        return np.array([str(value).encode() for value in column.ravel()], dtype=bytes).reshape(column.shape)
    return as_dtype(name, column, dtype)
