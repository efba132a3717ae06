"""The formats that a version can be converted into, and what they need to be installed."""

from __future__ import annotations

from enum import StrEnum
from importlib.util import find_spec

from ckpt_ops.errors import BadInput


class Format(StrEnum):
    """A format of models that others run."""

    TFLITE = "tflite"
    ONNX = "onnx"

    @property
    def packages(self) -> tuple[str, ...]:
        """What has to be installed beyond the product's own requirements."""
        return ("tf2onnx", "onnx", "onnxruntime") if self is Format.ONNX else ()


def check_installed(format: Format) -> None:
    """Raises `BadInput` naming the packages that the format needs and that are not there."""
    missing = [name for name in format.packages if find_spec(name) is None]
    if missing:
        raise BadInput(
            "format",
            format.value,
            f"a format whose packages are installed; missing: {', '.join(missing)}",
            next="uv pip install --require-hashes -r requirements-onnx.txt (or pip install 'ckpt-ops[onnx]')",
        )
