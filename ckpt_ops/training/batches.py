"""From rows and their order to what the model's train function draws from."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from ckpt_ops.checkpoints.model_inputs import as_trained
from ckpt_ops.outputs import as_given, each
from ckpt_ops.training.cursor import BatchOrder
from ckpt_ops.training.examples import Examples


def batches(examples: Examples, order: BatchOrder, start: int, stop: int, *, model: Any = None) -> Any:
    """A `tf.data.Dataset` of what steps `start` to `stop` - 1 train on: (inputs, labels), and weights where
    the examples have them. Labels of several outputs are a mapping.

    Args:
        model: whose steps they are: inputs come as it takes them. None, or one with a step or a loss of its
            own: as `examples()` gives them.
    """
    import tensorflow as tf

    taken = _taken_by(model)

    def draw() -> Iterator[tuple[Any, ...]]:
        for step in range(start, stop):
            rows = order.indices(step)
            inputs = {name: column[rows] for name, column in examples.inputs.items()}
            weights = () if examples.weights is None else (examples.weights[rows],)
            yield taken(inputs), as_given(examples.labels[rows]), *weights

    signature = batch_of(examples, model=model)
    return tf.data.Dataset.from_generator(draw, output_signature=signature).prefetch(2)


def batch_of(examples: Examples, *, model: Any = None) -> tuple[Any, ...]:
    """What a batch of any size holds, as `tf.TensorSpec`s.

    Args:
        model: as `batches` takes it.
    """
    import tensorflow as tf

    def spec(column: Any) -> Any:
        dtype = tf.string if column.dtype.kind in "OSU" else tf.as_dtype(column.dtype)
        return tf.TensorSpec((None, *column.shape[1:]), dtype)

    inputs = {name: spec(column) for name, column in examples.inputs.items()}
    labels = {name: spec(column) for name, column in each(examples.labels).items()}
    weights = () if examples.weights is None else (spec(examples.weights),)
    return _taken_by(model)(inputs), labels.get("", labels), *weights


def _taken_by(model: Any) -> Callable[[Mapping[str, Any]], Any]:
    """From columns by name to what a step of the model is given."""
    return dict if model is None else lambda columns: as_trained(model, columns)
