"""A model in this process, called as its export would be: by the same graph, without writing an export."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from ckpt_ops.candidates.as_served.asked import Rows, Scores
from ckpt_ops.candidates.as_served.exported import Array, by_batches
from ckpt_ops.candidates.several_batches import SeveralBatches
from ckpt_ops.checkpoints.model_inputs import by_name
from ckpt_ops.checkpoints.saved_model import InputSpec, inputs_of
from ckpt_ops.outputs import numbers
from ckpt_ops.training import Examples


class AsServed:
    """Predicts on several sets of inputs what the model's export would, to the last bit.

    The model is traced once, and computes with the values that its variables have at each call. Op by op, as
    `model(inputs)` computes, the last bits may differ.
    """

    def __init__(self, model: Any) -> None:
        self._model = model
        self._traced: Any = None
        self._batches = SeveralBatches(self._serve, traced=True)
        self._specs: dict[str, InputSpec] = {}

    def __call__(self, asked: Sequence[Examples | Rows]) -> list[Scores]:
        found = []
        for rows in asked:
            self._specs = self._specs or inputs_of({name: column[:1] for name, column in rows.inputs.items()})
            found.append(numbers(by_batches(self._batches, rows.inputs, rows.positions, ready=_tensors)))
        return found

    def _serve(self, batch: Mapping[str, Any]) -> Any:
        import tensorflow as tf

        if self._traced is None:
            specs = {
                name: tf.TensorSpec((None, *one.shape), one.dtype, name=name)
                for name, one in sorted(self._specs.items())
            }
            self._traced = tf.function(
                lambda inputs: by_name(self._model, self._model(inputs, training=False)),
                input_signature=[specs],
                autograph=False,
            )
        return self._traced(batch)


def _tensors(batch: Mapping[str, Array]) -> dict[str, Any]:
    import tensorflow as tf

    return {name: tf.convert_to_tensor(column) for name, column in batch.items()}
