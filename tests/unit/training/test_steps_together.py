"""Rows of several batches go to TensorFlow at once: each batch is that of its step all the same."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from ckpt_ops import Examples
from ckpt_ops.training import BatchOrder
from ckpt_ops.training.batches import _steps_together, batches

ROWS = 37
RANDOM = np.random.default_rng(5)
EXAMPLES = Examples(
    inputs={
        "number": RANDOM.normal(size=ROWS).astype(np.float32),
        "flag": RANDOM.random(ROWS) > 0.5,
        "word": np.array([f"é{row}" for row in range(ROWS)]),
        "text": np.array([f"é{row}" * row for row in range(ROWS)], dtype=object),
        "wide": RANDOM.normal(size=(ROWS, 3)).astype(np.float32),
    },
    labels=(RANDOM.random(ROWS) > 0.5).astype(np.float32),
    weights=RANDOM.random(ROWS).astype(np.float32),
)


NOTHING = {"nothing": np.zeros((ROWS, 0), np.float32)}


@pytest.mark.parametrize("more", [{}, NOTHING], ids=["", "a column without values"])
@pytest.mark.parametrize(
    ("size", "start", "stop"),
    [(5, 0, 8), (5, 3, 75), (ROWS, 1, 4), (ROWS - 1, 2, 5), (100, 0, 70), (1, 30, 110)],
    ids=["an epoch", "begun inside of one", "all rows", "one row is left out", "fewer rows", "one row"],
)
def test_each_batch_holds_the_rows_of_its_step(
    size: int, start: int, stop: int, more: dict[str, Any]
) -> None:
    examples = Examples(inputs=dict(EXAMPLES.inputs) | more, labels=EXAMPLES.labels, weights=EXAMPLES.weights)
    order = BatchOrder(rows=ROWS, batch_size=size, seed=3)
    drawn = list(batches(examples, order, start, stop).as_numpy_iterator())
    assert len(drawn) == stop - start
    for step, (inputs, labels, weights) in enumerate(drawn, start=start):
        rows = order.indices(step)
        for name, column in examples.inputs.items():
            assert np.array_equal(inputs[name], _as_tensorflow_has(np.asarray(column)[rows])), name
        assert np.array_equal(labels, EXAMPLES.labels[rows])
        assert np.array_equal(weights, EXAMPLES.weights[rows])


def test_long_texts_go_few_steps_at_a_time() -> None:
    order = BatchOrder(rows=64, batch_size=16, seed=3)
    short, long = (_texts(length) for length in (10, 1_000_000))
    assert _steps_together(short, order) == 64
    assert _steps_together(long, order) == 1, "64 steps of them would fill gigabytes"


def _texts(length: int) -> Examples:
    text = "x" * length
    return Examples(inputs={"text": np.array([text] * 64, dtype=object)}, labels=np.zeros(64, np.float32))


def _as_tensorflow_has(column: Any) -> Any:
    return np.array([one.encode() for one in column], dtype=object) if column.dtype.kind in "UO" else column
