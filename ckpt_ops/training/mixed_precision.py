"""Mixed precision as a setting: `build_model()` runs under Keras' dtype policy and follows it, or is refused.

Variables stay float32, and so do outputs: a probability of bfloat16 has 8 bits, so that many rows would tie,
and metrics, gates and whoever is served would see steps where there are none.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from ckpt_ops.errors import BadInput, ModelCodeError
from ckpt_ops.training.numerics import Numerics

_SAFE = "nothing was trained, no version or checkpoint was added; the champion serves on"
_HALF = ("float16", "bfloat16")


@contextmanager
def dtype_policy(numerics: Numerics, *, made_by: str) -> Iterator[None]:
    """While the block runs, which builds a model, new layers have the precision of `numerics`.

    Without one nothing is touched. Raises `ModelCodeError` when the block sets a policy of its own.
    """
    import keras

    if numerics.mixed_precision is None:
        yield
        return
    before, wanted = keras.config.dtype_policy(), _policy(numerics)
    keras.config.set_dtype_policy(wanted)
    try:
        yield
        found = keras.config.dtype_policy().name
    finally:
        keras.config.set_dtype_policy(before)
    if found != wanted:
        raise _refused(f"{made_by} sets Keras' dtype policy to {found}", numerics)


def check_follows(model: Any, numerics: Numerics, *, made_by: str) -> None:
    """Refuse a model that does not compute in the precision of `numerics`, or would not train in it.

    Raises:
        BadInput: it is a `tf.Module`.
        ModelCodeError: it has a policy of its own, or nothing scales its loss where float16 needs that.
    """
    import keras

    if numerics.mixed_precision is None:
        return
    if not isinstance(model, keras.Model):
        raise BadInput(
            "numerics",
            numerics,
            "mixed_precision=None, as the model is a tf.Module: dtypes and the scale of its loss are its own",
            next="leave mixed_precision out of the pipeline, or return a keras.Model from build_model()",
        )
    wanted = _policy(numerics)
    if model.dtype_policy.name != wanted:
        raise _refused(f"{made_by} returns a model with the dtype policy {model.dtype_policy.name}", numerics)
    layers = [layer for layer in model._flatten_layers() if layer is not model]
    if not any(layer.dtype_policy.name == wanted for layer in layers if layer.variables):
        raise _refused(f"no layer of the model of {made_by} has the dtype policy {wanted}", numerics)
    for layer in layers:
        if layer.dtype_policy.name != wanted and layer.compute_dtype in _HALF:
            raise _refused(f"layer {layer.name!r} has the dtype policy {layer.dtype_policy.name}", numerics)
    if numerics.mixed_precision == "float16":
        _check_scaled(model, made_by)


def check_outputs(model: Any, outputs: Mapping[str, Any], numerics: Numerics) -> None:
    """Refuse, with `ModelCodeError`, outputs that come in half precision.

    Args:
        outputs: tensors or specs by name; "" of the only one.
    """
    if numerics.mixed_precision is None:
        return
    for name, one in outputs.items():
        if one.dtype.name in _HALF:
            output = f"the output {name!r}" if name else "its output"
            raise ModelCodeError(
                f"{type(model).__name__} gives {output} in {one.dtype.name}: too few digits to tell rows "
                "apart, for metrics and for whoever is served",
                safe=_SAFE,
                next='give the last layer dtype="float32", such as Dense(1, "sigmoid", dtype="float32")',
            )


def _check_scaled(model: Any, made_by: str) -> None:
    """Gradients of float16 vanish unless the loss is scaled, and one that is not must not be scaled back."""
    import keras

    if not isinstance(model.optimizer, keras.optimizers.LossScaleOptimizer):
        raise ModelCodeError(
            f"{made_by} compiles the model with auto_scale_loss=False: gradients of float16 would vanish",
            safe=_SAFE,
            next='leave auto_scale_loss out of compile(...), or set mixed_precision="bfloat16"',
        )
    step = type(model).train_step
    if step is not keras.Model.train_step and "scale_loss" not in step.__code__.co_names:
        raise ModelCodeError(
            f"{type(model).__name__}.train_step does not scale its loss, and the optimizer divides gradients "
            "by the scale: with float16 it would train at a fraction of its rate",
            safe=_SAFE,
            next="take the gradients of self.optimizer.scale_loss(loss) in it, or set "
            'mixed_precision="bfloat16"',
        )


def _policy(numerics: Numerics) -> str:
    return f"mixed_{numerics.mixed_precision}"


def _refused(what: str, numerics: Numerics) -> ModelCodeError:
    return ModelCodeError(
        f"{what}, and the pipeline sets numerics={numerics!r}",
        safe=_SAFE,
        next="leave the precision to one of them: take mixed_precision out of the pipeline, or the policy "
        'out of build_model(); single layers may have dtype="float32"',
    )
