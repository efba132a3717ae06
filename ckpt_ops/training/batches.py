"""From rows and their order to what the model's train function draws from."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from functools import partial
from typing import Any

import numpy as np
import numpy.typing as npt

from ckpt_ops.checkpoints.model_inputs import as_trained
from ckpt_ops.lists import ListColumn, dense, is_cells
from ckpt_ops.outputs import each
from ckpt_ops.training.batch_labels import BatchLabels
from ckpt_ops.training.cursor import Order
from ckpt_ops.training.examples import Examples
from ckpt_ops.training.tensor_specs import spec_of

_MOST_STEPS = 64
_MOST_BYTES = 4 << 20
_SOME_ROWS = 256


def batches(examples: Examples, order: Order, start: int, stop: int, *, model: Any = None) -> Any:
    """A `tf.data.Dataset` of what steps `start` to `stop` - 1 train on: (inputs, labels), and weights where
    the examples have them or labels are those of positions. Labels of several outputs are a mapping.

    Lists are padded to the longest of the batch: a batch is a function of its rows alone.

    Args:
        model: whose steps they are: inputs come as it takes them. None, or one with a step or a loss of its
            own: as `examples()` gives them.
    """
    import tensorflow as tf

    make, together = maker(examples, model=model), _steps_together(examples, order)
    signature = batch_of(examples, model=model)

    def one_by_one() -> Iterator[Any]:
        for step in range(start, stop):
            yield make(order.indices(step))

    def some_at_once() -> Iterator[Any]:
        for first in range(start, stop, together):
            rows = [order.indices(step) for step in range(first, min(first + together, stop))]
            shape = (len(rows), len(rows[0]))
            yield tf.nest.map_structure(partial(_cut, shape), make(np.concatenate(rows)))

    if together == 1:
        return tf.data.Dataset.from_generator(one_by_one, output_signature=signature).prefetch(2)
    several = tf.nest.map_structure(_of_several, signature)
    drawn = tf.data.Dataset.from_generator(some_at_once, output_signature=several).prefetch(1)
    return drawn.unbatch().prefetch(2)


def _steps_together(examples: Examples, order: Order) -> int:
    """For how many steps rows go to TensorFlow at once: to hand over a batch costs as much as a small step.

    Lists are padded to the longest of one batch, so they go one batch at a time. And so do columns without
    values: `unbatch` of such a tensor ends the process (TensorFlow 2.21).
    """
    labels = tuple(each(examples.labels).values())
    if any(map(is_cells, labels)) or any(isinstance(one, ListColumn) for one in examples.inputs.values()):
        return 1
    columns = [*map(np.asarray, examples.inputs.values()), *labels]
    if not all(column.size for column in columns):
        return 1
    of_a_batch = order.batch_size * sum(map(_bytes_a_row, columns))
    return max(1, min(_MOST_STEPS, int(_MOST_BYTES // max(1.0, of_a_batch))))


def _bytes_a_row(column: npt.NDArray[Any]) -> float:
    """As far as some rows tell: an array of objects only refers to its texts."""
    if column.dtype.kind != "O":
        return column[:1].nbytes
    some = column[:: max(1, len(column) // _SOME_ROWS)]
    return sum(len(one) for one in some.ravel() if isinstance(one, str | bytes)) / max(1, len(some))


def _cut(shape: tuple[int, int], column: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """Rows of several batches, shape (rows, ...), as (steps, rows of one, ...); `shape` is the first two."""
    return column.reshape(*shape, *column.shape[1:])


def _of_several(spec: Any) -> Any:
    import tensorflow as tf

    return tf.TensorSpec((None, *spec.shape), spec.dtype)


def maker(examples: Examples, *, model: Any = None) -> Callable[[npt.NDArray[Any]], tuple[Any, ...]]:
    """A function of row numbers that makes the batch of these rows, as arrays.

    Args:
        model: as `batches` takes it.
    """
    taken, labels = _taken_by(model), BatchLabels(examples, model)
    _ = labels.dividing  # here: batches are made in a thread of tf.data's

    def make(rows: npt.NDArray[Any]) -> tuple[Any, ...]:
        inputs = {name: dense(column[rows]) for name, column in examples.inputs.items()}
        found, counted = labels.of(rows, inputs)
        weights = () if counted is None else (counted,)
        return taken(inputs), found, *weights

    return make


def batch_of(examples: Examples, *, model: Any = None) -> tuple[Any, ...]:
    """What a batch of any size holds, as `tf.TensorSpec`s. The length of padded lists is any, too.

    Args:
        model: as `batches` takes it.
    """
    inputs = {name: spec_of(column) for name, column in examples.inputs.items()}
    labels, weights = BatchLabels(examples, model).specs()
    return _taken_by(model)(inputs), labels, *(() if weights is None else (weights,))


def _taken_by(model: Any) -> Callable[[Mapping[str, Any]], Any]:
    """From columns by name to what a step of the model is given."""
    return dict if model is None else lambda columns: as_trained(model, columns)
