"""The formats that a version can be converted into, and what they need to be installed."""

from __future__ import annotations

from enum import StrEnum

from ckpt_ops.errors import BadInput
from ckpt_ops.extras import MODULES, install, missing


class Format(StrEnum):
    """A model format of a different runtime."""

    TFLITE = "tflite"
    ONNX = "onnx"

    @property
    def packages(self) -> tuple[str, ...]:
        """What has to be installed beyond the product's own requirements."""
        return MODULES["onnx"] if self is Format.ONNX else ()


def check_installed(format: Format) -> None:
    """Raises `BadInput` naming the missing packages that the format needs."""
    if format is Format.ONNX and (absent := missing("onnx")):
        raise BadInput(
            "format",
            format.value,
            f"a format whose packages are installed; missing: {', '.join(absent)}",
            next=f"{install('onnx')}, or uv pip install --require-hashes -r requirements-onnx.txt",
        )
