"""A model's answers for several batches in one call, by a loop inside TensorFlow.

Of a small model most of the time is spent between calls, in Python. The loop hands the model the same 4,096
rows as a call for each would, so the same kernels compute the same numbers. Whether they do, to the last bit,
is looked at on the first batch of every set of rows; where they do not, there is a call for each batch.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from typing import Any

import numpy as np

from ckpt_ops.candidates.streaming import BATCH
from ckpt_ops.lists import ListColumn

FROM_ROWS, FROM_ROWS_TRACED = 16 * BATCH + 1, 64 * BATCH + 1
"""Fewer rows are done before a loop is traced: of a function that is none yet, and of one that is."""
AT_ONCE = 16
_BYTES = 32 << 20
"""So many bytes of inputs at once, or one batch."""
_BYTES_OF_TEXT = 64

Ask = Callable[[Mapping[str, Any]], Any]
"""What a model says of a batch: tensors by name."""


@dataclass(frozen=True, kw_only=True)
class Chosen:
    """How to ask about some rows: `ask`, for so many batches `at_once`."""

    ask: Ask
    at_once: int


class SeveralBatches:
    """Asks a model about any number of batches.

    Args:
        one: the model, asked about one batch. What it reads beside variables is in the trace.
        traced: it is a traced function already: a loop around one batch would gain nothing.
        autograph: let TensorFlow take Python's `if` and `while` in it for its own, as in an export.
        around: the context in which the loop is traced and called.
    """

    def __init__(
        self,
        one: Ask,
        *,
        traced: bool,
        autograph: bool = False,
        around: Callable[[], AbstractContextManager[Any]] = nullcontext,
    ) -> None:
        self._one, self._traced, self._autograph, self._around = one, traced, autograph, around
        self._loop: Ask | None = None
        self._by_one = False

    def over(self, inputs: Mapping[str, Any], ready: Callable[[slice], Mapping[str, Any]]) -> Chosen:
        """How to ask about rows of these columns.

        Args:
            ready: makes tensors of the rows, by the names that the model has for them.
        """
        by_one = Chosen(ask=self._one, at_once=1)
        few = len(next(iter(inputs.values()))) < (FROM_ROWS_TRACED if self._traced else FROM_ROWS)
        if few or self._by_one:
            return by_one
        first = ready(slice(0, BATCH))
        at_once = 1 if any(map(_is_padded, inputs.values())) else _at_once(first)
        if at_once == 1 and self._traced:
            return by_one
        try:
            loop = self._loop = self._loop or self._trace(inputs, first)
            looped = self._within(loop)(first)
        except Exception:  # noqa: BLE001 - what is wrong with the model is said where it is asked or exported
            self._by_one = True
            return by_one
        several = Chosen(ask=self._within(loop), at_once=at_once)
        return several if _same_bits(looped, self._one(first)) else by_one

    def _within(self, loop: Ask) -> Ask:
        def ask(batches: Mapping[str, Any]) -> Any:
            with self._around():
                return loop(batches)

        return ask

    def _trace(self, inputs: Mapping[str, Any], first: Mapping[str, Any]) -> Ask:
        import tensorflow as tf

        def spec(name: str, tensor: Any) -> Any:
            column = inputs.get(name)
            row = column.shape[1:] if isinstance(column, ListColumn) else tensor.shape[1:]
            return tf.TensorSpec((None, *row), tensor.dtype)

        specs = {name: spec(name, tensor) for name, tensor in first.items()}
        one = tf.function(self._one, input_signature=[specs], autograph=self._autograph)
        of_batch = one.get_concrete_function()
        answer = of_batch.structured_outputs
        outputs = tf.nest.flatten(answer)
        if not all(isinstance(out, tf.TensorSpec | tf.Tensor) and _is_of_rows(out.shape) for out in outputs):
            raise TypeError("what it answers are not tensors with an element for each row")

        def loop(batches: Mapping[str, Any]) -> Any:
            count = -(-tf.shape(next(iter(batches.values())))[0] // BATCH)
            arrays = [
                tf.TensorArray(out.dtype, count, infer_shape=False, element_shape=(None, *out.shape[1:]))
                for out in outputs
            ]

            def step(at: Any, arrays: list[Any]) -> tuple[Any, list[Any]]:
                rows = slice(at * BATCH, (at + 1) * BATCH)
                found = tf.nest.flatten(of_batch({name: of[rows] for name, of in batches.items()}))
                return at + 1, [array.write(at, out) for array, out in zip(arrays, found, strict=True)]

            _, arrays = tf.while_loop(
                lambda at, arrays: at < count, step, (tf.constant(0), arrays), parallel_iterations=1
            )
            return tf.nest.pack_sequence_as(answer, [array.concat() for array in arrays])

        traced: Ask = tf.function(loop, input_signature=[specs], autograph=False)
        return traced


def _is_of_rows(shape: Any) -> bool:
    return shape.rank is not None and shape.rank > 0 and shape[0] is None


def _is_padded(column: Any) -> bool:
    """To the longest of its batch: of several batches it would be another length."""
    return isinstance(column, ListColumn) and column.length is None


def _at_once(first: Mapping[str, Any]) -> int:
    sizes = (one.shape.num_elements() * (one.dtype.size or _BYTES_OF_TEXT) for one in first.values())
    return max(1, min(AT_ONCE, int(_BYTES // max(1, sum(sizes)))))


def _same_bits(one: Any, other: Any) -> bool:
    import tensorflow as tf

    pairs = ([np.asarray(out) for out in tf.nest.flatten(answer)] for answer in (one, other))
    return all(
        a.dtype == b.dtype and a.shape == b.shape and a.tobytes() == b.tobytes()
        for a, b in zip(*pairs, strict=True)
    )
