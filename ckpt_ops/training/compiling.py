"""Whether XLA compiles a model's step, found before a step is made.

Keras compiles steps by itself where there is a GPU and op determinism is off. What XLA does not compile, such
as an operation on text, would fail at the first step: in a candidate that is open, and is tried for ever.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ckpt_ops.errors import ModelCodeError
from ckpt_ops.short_errors import in_short


def check_compiles(model: Any, first_batch: Callable[[], tuple[Any, ...]]) -> None:
    """Refuse, with `ModelCodeError`, a Keras model that is to be compiled and cannot be.

    Nothing of the model changes.

    Args:
        first_batch: makes that of the first step, as the step takes it.
    """
    if not getattr(model, "jit_compile", False):
        return
    import tensorflow as tf

    compiled = tf.function(lambda *given: model.train_step(given), jit_compile=True)
    try:
        given = tf.nest.map_structure(tf.convert_to_tensor, first_batch())
        compiled.experimental_get_compiler_ir(*given)(stage="hlo")
    except Exception as error:
        raise ModelCodeError(
            f"XLA does not compile a step of the {type(model).__name__}: {in_short(error)}",
            safe="no step was made; the champion serves on",
            next="let build_model() call compile(..., jit_compile=False)",
        ) from error
