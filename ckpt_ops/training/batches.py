"""From rows and their order to what the model's train function draws from."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

import numpy.typing as npt

from ckpt_ops.checkpoints.model_inputs import as_trained
from ckpt_ops.lists import dense
from ckpt_ops.training.batch_labels import BatchLabels
from ckpt_ops.training.cursor import BatchOrder
from ckpt_ops.training.examples import Examples
from ckpt_ops.training.tensor_specs import spec_of


def batches(examples: Examples, order: BatchOrder, start: int, stop: int, *, model: Any = None) -> Any:
    """A `tf.data.Dataset` of what steps `start` to `stop` - 1 train on: (inputs, labels), and weights where
    the examples have them or labels are those of positions. Labels of several outputs are a mapping.

    Lists are padded to the longest of the batch: a batch is a function of its rows alone.

    Args:
        model: whose steps they are: inputs come as it takes them. None, or one with a step or a loss of its
            own: as `examples()` gives them.
    """
    import tensorflow as tf

    make = maker(examples, model=model)

    def draw() -> Iterator[tuple[Any, ...]]:
        for step in range(start, stop):
            yield make(order.indices(step))

    signature = batch_of(examples, model=model)
    return tf.data.Dataset.from_generator(draw, output_signature=signature).prefetch(2)


def maker(examples: Examples, *, model: Any = None) -> Callable[[npt.NDArray[Any]], tuple[Any, ...]]:
    """A function of row numbers that makes the batch of these rows, as arrays.

    Args:
        model: as `batches` takes it.
    """
    taken, labels = _taken_by(model), BatchLabels(examples, model)

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
