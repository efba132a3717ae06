"""From rows and their order to what the model's train function draws from."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from typing import Any

import numpy as np
import numpy.typing as npt

from ckpt_ops.checkpoints.model_inputs import as_trained
from ckpt_ops.lists import ListColumn, dense, is_cells
from ckpt_ops.outputs import each
from ckpt_ops.texts import TextColumn
from ckpt_ops.training.batch_labels import BatchLabels
from ckpt_ops.training.cursor import Order
from ckpt_ops.training.examples import Examples
from ckpt_ops.training.tensor_specs import spec_of

_MOST_STEPS = 64
_MOST_BYTES = 4 << 20
_MOST_VALUES, _MOST_TEXT = 1 << 20, 64 << 20
_SOME_ROWS = 256


def batches(examples: Examples, order: Order, start: int, stop: int, *, model: Any = None) -> Any:
    """A `tf.data.Dataset` of what steps `start` to `stop` - 1 train on: (inputs, labels), and weights where
    the examples have them or labels are those of positions. Labels of several outputs are a mapping.

    Lists are padded to the longest of the batch: a batch is a function of its rows alone. Text is handed over
    as codes, which TensorFlow looks up.

    Args:
        model: whose steps they are: inputs come as it takes them. None, or one with a step or a loss of its
            own: as `examples()` gives them.
    """
    import tensorflow as tf

    coded = coded_text(examples)
    make, together = maker(examples, coded, model=model), _steps_together(examples, order)
    signature = _signature(examples, coded, model=model)
    finish = _finisher(coded, _taken_by(model))

    def one_by_one() -> Iterator[Any]:
        for step in range(start, stop):
            yield make(order.indices(step))

    def some_at_once() -> Iterator[Any]:
        for first in range(start, stop, together):
            rows = [order.indices(step) for step in range(first, min(first + together, stop))]
            shape = (len(rows), len(rows[0]))
            yield tf.nest.map_structure(partial(_cut, shape), make(np.concatenate(rows)))

    if together == 1:
        drawn = tf.data.Dataset.from_generator(one_by_one, output_signature=signature)
        return drawn.map(finish).prefetch(2)
    several = tf.nest.map_structure(_of_several, signature)
    drawn = tf.data.Dataset.from_generator(some_at_once, output_signature=several)
    return drawn.map(finish).prefetch(1).unbatch().prefetch(2)


def coded_text(examples: Examples) -> dict[str, TextColumn]:
    """The text of which TensorFlow gets codes: a table of more values would take longer than their rows."""
    texts = {name: column for name, column in examples.inputs.items() if isinstance(column, TextColumn)}
    return {
        name: column
        for name, column in texts.items()
        if len(column.values) <= _MOST_VALUES and column.values.nbytes <= _MOST_TEXT
    }


def _finisher(
    coded: Mapping[str, TextColumn], taken: Callable[[Mapping[str, Any]], Any]
) -> Callable[..., tuple[Any, ...]]:
    """From what the generator yields to what a step takes."""
    import tensorflow as tf

    with tf.device("/CPU:0"):
        values = {name: tf.constant(column.values.to_pylist(), tf.string) for name, column in coded.items()}

    def finish(inputs: Mapping[str, Any], *others: Any) -> tuple[Any, ...]:
        looked_up = {name: tf.gather(values[name], inputs[name]) for name in coded}
        return taken({**inputs, **looked_up}), *others

    return finish


def _steps_together(examples: Examples, order: Order) -> int:
    """For how many steps rows go to TensorFlow at once: to hand over a batch costs as much as a small step.

    Lists are padded to the longest of one batch, so they go one batch at a time. And so do columns without
    values: `unbatch` of such a tensor ends the process (TensorFlow 2.21).
    """
    labels = tuple(each(examples.labels).values())
    if any(map(is_cells, labels)) or any(isinstance(one, ListColumn) for one in examples.inputs.values()):
        return 1
    columns = [*examples.inputs.values(), *labels]
    if not all(math.prod(one or 0 for one in column.shape) for column in columns):
        return 1
    of_a_batch = order.batch_size * sum(map(_bytes_a_row, columns))
    return max(1, min(_MOST_STEPS, int(_MOST_BYTES // max(1.0, of_a_batch))))


def _bytes_a_row(column: Any) -> float:
    """As far as some rows tell: an array of objects, or a code, only refers to its text."""
    if column.dtype.kind != "O":
        return float(column[:1].nbytes)
    some = np.asarray(column[:: max(1, len(column) // _SOME_ROWS)])
    return sum(len(one) for one in some.ravel() if isinstance(one, str | bytes)) / max(1, len(some))


def _cut(shape: tuple[int, int], column: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """Rows of several batches, shape (rows, ...), as (steps, rows of one, ...); `shape` is the first two."""
    return column.reshape(*shape, *column.shape[1:])


def _of_several(spec: Any) -> Any:
    import tensorflow as tf

    return tf.TensorSpec((None, *spec.shape), spec.dtype)


def maker(
    examples: Examples, coded: Mapping[str, TextColumn] | None = None, *, model: Any = None
) -> Callable[[npt.NDArray[Any]], tuple[Any, ...]]:
    """A function of row numbers that makes the batch of these rows, as arrays by name.

    Args:
        coded: the text of which a batch holds the codes.
        model: as `batches` takes it.
    """
    coded = coded or {}
    labels = BatchLabels(examples, model)
    _ = labels.dividing  # here: batches are made in a thread of tf.data's

    def make(rows: npt.NDArray[Any]) -> tuple[Any, ...]:
        inputs = {
            name: coded[name].codes[rows] if name in coded else dense(column[rows])
            for name, column in examples.inputs.items()
        }
        found, counted = labels.of(rows, inputs)
        weights = () if counted is None else (counted,)
        return inputs, found, *weights

    return make


def _signature(examples: Examples, coded: Mapping[str, TextColumn], *, model: Any) -> tuple[Any, ...]:
    """What `maker` makes of any rows, as `tf.TensorSpec`s."""
    inputs = {
        name: spec_of(coded[name].codes if name in coded else column)
        for name, column in examples.inputs.items()
    }
    labels, weights = BatchLabels(examples, model).specs()
    return inputs, labels, *(() if weights is None else (weights,))


def batch_of(examples: Examples, *, model: Any = None) -> tuple[Any, ...]:
    """What a batch of any size holds, as `tf.TensorSpec`s. The length of padded lists is any, too.

    Args:
        model: as `batches` takes it.
    """
    inputs, *others = _signature(examples, {}, model=model)
    return _taken_by(model)(inputs), *others


def _taken_by(model: Any) -> Callable[[Mapping[str, Any]], Any]:
    """From columns by name to what a step of the model is given."""
    return dict if model is None else lambda columns: as_trained(model, columns)
