"""What a model other than a Keras model has to offer."""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from typing import Any, Protocol, runtime_checkable

from ckpt_ops.errors import ModelCodeError

_SAFE = "nothing was trained; the champion serves on"


@runtime_checkable
class TrainableModule(Protocol):
    """A `tf.Module` with a step of its own: its loss, its gradients, its optimizers, whatever they are.

    What `build_model()` returns has all its variables, those of its optimizers too, and attributes lead to
    each of them: they are what a checkpoint holds. Random numbers come from a `tf.random.Generator` that is
    an attribute, or from `tf.random.stateless_*` with a seed in a variable: others have a state that no
    checkpoint holds.
    """

    def __call__(self, inputs: Mapping[str, Any], training: bool = False) -> Any:
        """Predictions for any number of rows, shape (rows,), (rows, 1) or (rows, classes); of several
        outputs a mapping of such by name, as the labels are.

        Args:
            inputs: tensors of shape (rows, ...) by input name.
        """
        ...

    def train_step(self, inputs: Mapping[str, Any], labels: Any) -> Mapping[str, Any]:
        """Make one update. Becomes a `tf.function`, whether it is one or not.

        A third argument, `weights` of shape (rows,), is given where `Examples` have them.

        Returns:
            Scalars by name that say how training goes; "loss" among them, as progress and `Keep` show it.
        """
        ...


def check_module(module: Any, *, made_by: str) -> None:
    """Refuse, with `ModelCodeError`, a `tf.Module` that does not offer what a `TrainableModule` does."""
    missing = [name for name in ("train_step", "__call__") if not callable(getattr(module, name, None))]
    if missing:
        raise ModelCodeError(
            f"{made_by} returned a {type(module).__name__}, a tf.Module without {' and '.join(missing)}",
            safe=_SAFE,
            next="give it train_step(inputs, labels) and __call__(inputs, training=False), or return a "
            "compiled keras.Model",
        )


def check_takes(module: Any, batch: tuple[Any, ...]) -> None:
    """Refuse, with `ModelCodeError`, a `train_step` that does not take what a batch has."""
    try:
        inspect.signature(module.train_step).bind(*batch)
    except TypeError:
        has = ("inputs", "labels", "weights")[: len(batch)]
        raise ModelCodeError(
            f"{type(module).__name__}.train_step{inspect.signature(module.train_step)} does not take "
            f"({', '.join(has)}), which the examples have",
            safe=_SAFE,
            next="give it these arguments, or leave weights out of the Examples",
        ) from None
