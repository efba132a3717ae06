"""A SavedModel as a TensorFlow Lite file, and that file asked for predictions.

Only operators that TensorFlow Lite has itself: the others ("select TensorFlow ops") need the Flex delegate,
which TensorFlow's wheels lack since 2.20, so that nobody here could check what was converted.
"""

from __future__ import annotations

import re
import warnings
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from ckpt_ops.errors import ConversionRefused, first_line
from ckpt_ops.pipeline.serving.exported import SIGNATURE, Array, as_dtype, by_argument, by_batches

_OPERATORS = re.compile(r"(?:TF Select|Custom) ops: (.+)")


def to_tflite(folder: Path) -> bytes:
    """Raises `ConversionRefused` naming the operators that TensorFlow Lite lacks."""
    import tensorflow as tf

    converter = tf.lite.TFLiteConverter.from_saved_model(str(folder), signature_keys=[SIGNATURE])
    converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS]
    try:
        return bytes(converter.convert())
    except Exception as error:
        lacking = sorted({name for found in _OPERATORS.findall(str(error)) for name in found.split(", ")})
        why = f"TensorFlow Lite has no operator {', '.join(lacking)}" if lacking else first_line(error)
        raise ConversionRefused(why) from error


def ask_tflite(data: bytes) -> Callable[[Mapping[str, Array]], Array]:
    """The file as a function of inputs by name, as `exported.served` is one."""
    import tensorflow as tf

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # it is to move to another package, and works
        interpreter = tf.lite.Interpreter(model_content=data)
    taken = interpreter.get_signature_runner(SIGNATURE).get_input_details()
    types = {name: one["dtype"] for name, one in taken.items()}

    def ask(batch: Mapping[str, Array]) -> Any:
        runner = interpreter.get_signature_runner(SIGNATURE)
        given = by_argument(batch, types)
        return runner(**{name: _as(name, given[name], dtype) for name, dtype in types.items()})

    return lambda inputs: by_batches(ask, inputs)


def _as(name: str, column: Array, dtype: type[Any]) -> Array:
    if dtype is np.bytes_ and column.dtype.kind in "OU":
        return np.array([str(value).encode() for value in column.ravel()], dtype=bytes).reshape(column.shape)
    return as_dtype(name, column, dtype)
