"""From rows and their order to what the model's train function draws from."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from ckpt_ops.training.cursor import BatchOrder
from ckpt_ops.training.examples import Examples


def batches(examples: Examples, order: BatchOrder, start: int, stop: int) -> Any:
    """A `tf.data.Dataset` of the (inputs, labels) that steps `start` to `stop` - 1 train on."""
    import tensorflow as tf

    def draw() -> Iterator[tuple[dict[str, Any], Any]]:
        for step in range(start, stop):
            rows = order.indices(step)
            yield {name: column[rows] for name, column in examples.inputs.items()}, examples.labels[rows]

    def spec(column: Any) -> Any:
        dtype = tf.string if column.dtype.kind in "OSU" else tf.as_dtype(column.dtype)
        return tf.TensorSpec((None, *column.shape[1:]), dtype)

    signature = ({name: spec(column) for name, column in examples.inputs.items()}, spec(examples.labels))
    return tf.data.Dataset.from_generator(draw, output_signature=signature).prefetch(2)
