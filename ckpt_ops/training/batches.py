"""From rows and their order to what the model's train function draws from."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from ckpt_ops.training.cursor import BatchOrder
from ckpt_ops.training.examples import Examples


def batches(examples: Examples, order: BatchOrder, start: int, stop: int) -> Any:
    """A `tf.data.Dataset` of what steps `start` to `stop` - 1 train on: (inputs, labels), and weights where
    the examples have them."""
    import tensorflow as tf

    beside = (examples.labels,) if examples.weights is None else (examples.labels, examples.weights)

    def draw() -> Iterator[tuple[Any, ...]]:
        for step in range(start, stop):
            rows = order.indices(step)
            inputs = {name: column[rows] for name, column in examples.inputs.items()}
            yield inputs, *(column[rows] for column in beside)

    return tf.data.Dataset.from_generator(draw, output_signature=batch_of(examples)).prefetch(2)


def batch_of(examples: Examples) -> tuple[Any, ...]:
    """What a batch of any size holds, as `tf.TensorSpec`s."""
    import tensorflow as tf

    def spec(column: Any) -> Any:
        dtype = tf.string if column.dtype.kind in "OSU" else tf.as_dtype(column.dtype)
        return tf.TensorSpec((None, *column.shape[1:]), dtype)

    inputs = {name: spec(column) for name, column in examples.inputs.items()}
    beside = (examples.labels,) if examples.weights is None else (examples.labels, examples.weights)
    return inputs, *map(spec, beside)
