"""Labels and weights of a batch. Those of positions are padded, and what is padded has the weight 0."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt

from ckpt_ops.checkpoints.model_inputs import as_weighted, has_own_loss
from ckpt_ops.lists import dtype_of, is_cells, lengths_of, padded_cells, row_shape
from ckpt_ops.outputs import as_given, each
from ckpt_ops.training.examples import Examples
from ckpt_ops.training.padded_loss import dividing_by_padding
from ckpt_ops.training.tensor_specs import spec_of

Array = npt.NDArray[Any]


class BatchLabels:
    """Makes them of the rows of a batch.

    Labels of positions have the shape (rows, length), or (rows, length, k), and weights (rows, length): that
    of the row, and 0 behind its end. Keras' own step takes (rows, length, 1): of the last axis its losses
    are means.

    Args:
        model: as `batches` takes it.
    """

    def __init__(self, examples: Examples, model: Any) -> None:
        self._examples, self._model = examples, model
        self._outputs = each(examples.labels)
        self._follows, self._lengths = examples.follows, examples.label_lengths
        stock = model is not None and not has_own_loss(model)
        self._kinds: dict[str, tuple[tuple[int, ...], np.dtype[Any]]] = {}
        for name in self._follows:
            tail = tuple(one for one in row_shape(self._outputs[name]) if one is not None)
            self._kinds[name] = (tail or ((1,) if stock else ()), dtype_of(self._outputs[name]))

    def of(self, rows: npt.NDArray[Any], inputs: Mapping[str, Array]) -> tuple[Any, Any]:
        """The labels, and the weights or None; of several outputs by name.

        Args:
            inputs: of these rows, padded.
        """
        weight = None if self._examples.weights is None else self._examples.weights[rows]
        if not self._follows:
            return as_given(self._examples.labels[rows]), weight
        weight = np.ones(len(rows), np.float32) if weight is None else weight
        labels, weights = {}, {}
        for name, column in self._outputs.items():
            labels[name], weights[name] = column[rows], weight
            if is_cells(column):
                follows = self._follows[name]
                width = inputs[follows].shape[1] if follows else self._lengths[name]
                labels[name], weights[name] = self._padded(name, column[rows], weight, width)
        return labels.get("", labels), self._shown(weights.get("", weights))

    def specs(self) -> tuple[Any, Any]:
        """What `of` makes of any rows, as `tf.TensorSpec`s."""
        import tensorflow as tf

        weights = self._examples.weights
        labels = {name: spec_of(column) for name, column in self._outputs.items()}
        if not self._follows:
            return labels.get("", labels), None if weights is None else spec_of(weights)
        weighted = {name: tf.TensorSpec((None,), tf.float32) for name in labels}
        for name, (tail, dtype) in self._kinds.items():
            follows = self._follows[name]
            length = self._examples.inputs[follows].shape[1] if follows else self._lengths[name]
            labels[name] = tf.TensorSpec((None, length, *tail), tf.as_dtype(dtype))
            weighted[name] = tf.TensorSpec((None, length), tf.float32)
        return labels.get("", labels), self._shown(weighted.get("", weighted))

    def _shown(self, weights: Any) -> Any:
        return weights if self._model is None else as_weighted(self._model, weights)

    @cached_property
    def dividing(self) -> frozenset[str]:
        """The outputs whose weights make up for padding, which Keras divides by. Traces the model."""
        return dividing_by_padding(self._model, self._examples) if self._follows else frozenset()

    def _padded(self, name: str, cells: Array, weight: Array, width: int) -> tuple[Array, Array]:
        tail, dtype = self._kinds[name]
        there = np.arange(width) < lengths_of(cells)[:, None]
        weights = (there * weight[:, None]).astype(np.float32)
        count = np.count_nonzero(there)
        if name in self.dividing and count:
            weights *= np.float32(there.size / count)
        return padded_cells(cells, width, tail=tail, dtype=dtype), weights
