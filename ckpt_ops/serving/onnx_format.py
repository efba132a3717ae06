"""A SavedModel as an ONNX file by tf2onnx, and that file's predictions by onnxruntime.

Only operators of the ONNX standard. For some others there are stand-ins in onnxruntime-extensions; the one
for TensorFlow's string hashing puts strings into other buckets than TensorFlow does.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from ckpt_ops.candidates.as_served.exported import SIGNATURE, Array, as_dtype, by_argument, by_batches
from ckpt_ops.errors import ConversionRefused
from ckpt_ops.short_errors import in_short

_TYPES = {
    "tensor(float)": np.float32,
    "tensor(double)": np.float64,
    "tensor(float16)": np.float16,
    "tensor(int8)": np.int8,
    "tensor(int16)": np.int16,
    "tensor(int32)": np.int32,
    "tensor(int64)": np.int64,
    "tensor(uint8)": np.uint8,
    "tensor(uint16)": np.uint16,
    "tensor(uint32)": np.uint32,
    "tensor(uint64)": np.uint64,
    "tensor(bool)": np.bool_,
    "tensor(string)": np.object_,
}


def to_onnx(folder: Path) -> bytes:
    """Inputs keep their names. Raises `ConversionRefused` naming the operators that ONNX lacks."""
    import onnx
    from tf2onnx import convert, tf_loader

    try:
        # As its command line does it: its function for callers drops tables, and so vocabularies.
        graph, inputs, outputs, tables, names = tf_loader.from_saved_model(
            str(folder),
            None,
            None,
            "serve",
            [SIGNATURE],
            return_initialized_tables=True,
            return_tensors_to_rename=True,
        )
        made, _ = convert._convert_common(
            graph,
            name=SIGNATURE,
            continue_on_error=True,
            input_names=inputs,
            output_names=outputs,
            initialized_tables=tables,
            tensors_to_rename=names,
        )
        # where it knows no operator, it leaves TensorFlow's in the graph
        left = {one.op_type for one in made.graph.node if not onnx.defs.has(one.op_type, one.domain)}
        lacking = ", ".join(sorted(left))
        if not lacking:
            onnx.checker.check_model(made)
            return bytes(made.SerializeToString())
    except Exception as error:
        raise ConversionRefused(f"tf2onnx cannot convert it: {in_short(error)}") from error
    raise ConversionRefused(f"ONNX has no operator {lacking}")


def ask_onnx(data: bytes, positions: Mapping[str, str] | None = None) -> Callable[[Mapping[str, Any]], Array]:
    """The file as a function of inputs by name, as `exported.served` is one.

    Args:
        positions: the outputs with numbers for each position, as `positions_in` the export has them.
    """
    import onnxruntime

    session = onnxruntime.InferenceSession(data, providers=["CPUExecutionProvider"])
    types = {one.name: _TYPES[one.type] for one in session.get_inputs()}
    names = [one.name for one in session.get_outputs()]

    def ask(batch: Mapping[str, Array]) -> Any:
        columns = by_argument(batch, types)
        given = {name: as_dtype(name, columns[name], dtype) for name, dtype in types.items()}
        outputs = session.run(names, given)
        return outputs[0] if len(outputs) == 1 else dict(zip(names, outputs, strict=True))

    return lambda inputs: by_batches(ask, inputs, positions)
