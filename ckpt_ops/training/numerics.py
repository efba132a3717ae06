"""How numbers are computed: in which precision, and whether the same sums come out the same each time."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from ckpt_ops.errors import BadInput
from ckpt_ops.values import as_code, later
from ckpt_ops.wire_names import wire

PRECISIONS = ("float16", "bfloat16")


@wire("Numerics")
@dataclass(frozen=True, kw_only=True)
class Numerics:
    """The defaults are exact: the same code, slices and libraries give the same weights, to the bit.

    Attributes:
        deterministic: TensorFlow's op determinism. False: faster on some operations, mostly on a GPU; a
            candidate that is trained again, or resumed after a kill, is equal within rounding only.
        mixed_precision: "bfloat16" or "float16": layers compute in it, and variables stay float32. Sets
            Keras' dtype policy while `build_model()` runs; outputs have to be float32. None: as
            `build_model()` decides.
        gpu_memory_growth: TensorFlow takes memory of a GPU as it needs it; False: all of it at once. It does
            not shape weights.
    """

    deterministic: bool = later(True)
    mixed_precision: str | None = later(None)
    gpu_memory_growth: bool = later(True)

    __repr__ = as_code

    def __post_init__(self) -> None:
        for name in ("deterministic", "gpu_memory_growth"):
            if not isinstance(getattr(self, name), bool):
                raise BadInput(f"Numerics.{name}", getattr(self, name), "True or False")
        if self.mixed_precision is not None and self.mixed_precision not in PRECISIONS:
            allowed = f"{', '.join(map(repr, PRECISIONS))}, or None: as build_model() decides"
            raise BadInput("Numerics.mixed_precision", self.mixed_precision, allowed)

    @property
    def shaping(self) -> Numerics:
        """Those that shape weights; the others at their default."""
        return replace(self, gpu_memory_growth=True)

    @property
    def environment(self) -> Mapping[str, str]:
        """What an interpreter for the model is started with: TensorFlow reads it when it meets a GPU."""
        return {"TF_FORCE_GPU_ALLOW_GROWTH": "true"} if self.gpu_memory_growth else {}

    def begin(self) -> None:
        """Turn on in this process what has to be on before the first operation. Imports TensorFlow."""
        import tensorflow as tf

        if self.deterministic:
            tf.config.experimental.enable_op_determinism()
