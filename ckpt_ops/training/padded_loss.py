"""Whether Keras divides a loss by padded positions as well as by those that count.

A Keras loss is divided by the number of positions of its batch, whatever their weights. Where a mask follows
the positions through the layers, as that of `Embedding(mask_zero=True)`, Keras makes up for those that it
hides. Elsewhere whoever gives the weights has to, or a batch with more padding would count less.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from ckpt_ops.checkpoints.model_inputs import forward, has_own_loss
from ckpt_ops.lists import dense
from ckpt_ops.training.examples import Examples

Array = npt.NDArray[Any]

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
    """The outputs that come with a mask of Keras which hides what is padded.

    A mask may be there and hide nothing: behind a `Concatenate` of which one input has none, it is true
    everywhere. So it is looked at, of the longest list and the shortest.
    """
    padded = _with_padding(examples)
    if padded is None:
        return frozenset()
    there, inputs = padded
    masks = _masks_of(model, inputs)
    return frozenset(
        name
        for name, mask in masks.items()
        if name in there and mask.shape == there[name].shape and not (mask & ~there[name]).any()
    )


def _with_padding(examples: Examples) -> tuple[dict[str, Array], dict[str, Array]] | None:
    """By output, where two rows of which one is padded have positions; and their inputs. None: none is."""
    lengths = sum(examples.positions.values())
    rows = np.array([np.argmin(lengths), np.argmax(lengths)])
    inputs = {name: dense(column[rows]) for name, column in examples.inputs.items()}
    there = {}
    for name, follows in examples.follows.items():
        width = inputs[follows].shape[1] if follows else examples.label_lengths[name]
        there[name] = np.arange(width) < examples.positions[name][rows][:, None]
    return None if all(one.all() for one in there.values()) else (there, inputs)


def _masks_of(model: Any, inputs: Mapping[str, Array]) -> dict[str, npt.NDArray[np.bool_]]:
    """By output that has one, the mask. No more of the model runs than that takes: no state of it changes."""
    import tensorflow as tf
    from keras.src.backend import get_keras_mask

    given = {name: tf.convert_to_tensor(column) for name, column in inputs.items()}
    found: dict[str, Any] = {}

    def look(*columns: Any) -> Any:
        predicted = forward(model)(dict(zip(given, columns, strict=True)))
        outputs = predicted if isinstance(predicted, Mapping) else {"": predicted}
        found.update({name: get_keras_mask(one) for name, one in outputs.items()})
        return list(outputs.values())

    specs = [tf.TensorSpec(one.shape, one.dtype) for one in given.values()]
    traced = tf.compat.v1.wrap_function(look, specs)
    masks = {name: one for name, one in found.items() if one is not None}
    if not masks:
        return {}
    answers = traced.prune(traced.inputs[: len(specs)], list(masks.values()))(*given.values())
    return {name: np.asarray(one) for name, one in zip(masks, answers, strict=True)}


def _reduction(model: Any, output: str) -> str | None:
    """How the loss of an output becomes a number. A loss by its name is divided, as a function is."""
    losses = model.loss
    if isinstance(losses, list | tuple):
        losses = dict(zip(getattr(model, "output_names", ()), losses, strict=False))
    if isinstance(losses, Mapping):
        losses = losses.get(output) if output else next(iter(losses.values()), None)
    found: str | None = getattr(losses, "reduction", _DIVIDING[0])
    return found
