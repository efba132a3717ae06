"""Whether Keras divides a loss by padded positions as well as by those that count.

A Keras loss is divided by the number of positions of its batch, whatever their weights. Where a mask follows
the positions through the layers, as that of `Embedding(mask_zero=True)`, Keras makes up for those that it
hides. Elsewhere whoever gives the weights has to, or a batch with more padding would count less.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ckpt_ops.checkpoints.model_inputs import forward, has_own_loss
from ckpt_ops.training.examples import Examples
from ckpt_ops.training.tensor_specs import spec_of

_DIVIDING = ("sum_over_batch_size", "mean")


def dividing_by_padding(model: Any, examples: Examples) -> frozenset[str]:
    """The outputs with labels of positions whose loss Keras divides by padded positions too.

    None of a model with a step or a loss of its own: it is given the plain weights.
    """
    if model is None or has_own_loss(model):
        return frozenset()
    masked = _masked(model, examples)
    return frozenset(
        name for name in examples.positions if name not in masked and _reduction(model, name) in _DIVIDING
    )


def _masked(model: Any, examples: Examples) -> frozenset[str]:
    """The outputs that a mask of Keras comes with."""
    import tensorflow as tf
    from keras.src.backend import get_keras_mask

    found: dict[str, bool] = {}

    def look(inputs: Mapping[str, Any]) -> Any:
        predicted = forward(model)(inputs)
        outputs = predicted if isinstance(predicted, Mapping) else {"": predicted}
        found.update({name: get_keras_mask(one) is not None for name, one in outputs.items()})
        return predicted

    specs = {name: spec_of(column) for name, column in examples.inputs.items()}
    tf.function(look).get_concrete_function(specs)
    return frozenset(name for name, masked in found.items() if masked)


def _reduction(model: Any, output: str) -> str | None:
    """How the loss of an output becomes a number. A loss by its name is divided, as a function is."""
    losses = model.loss
    if isinstance(losses, list | tuple):
        losses = dict(zip(getattr(model, "output_names", ()), losses, strict=False))
    if isinstance(losses, Mapping):
        losses = losses.get(output) if output else next(iter(losses.values()), None)
    found: str | None = getattr(losses, "reduction", _DIVIDING[0])
    return found
