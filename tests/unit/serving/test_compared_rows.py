"""The pure part of conversions and predictions: how far two models are apart."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ckpt_ops.candidates.as_served.exported import by_batches
from ckpt_ops.errors import ModelCodeError
from ckpt_ops.outputs import form, together
from ckpt_ops.serving.comparison import Compared

numbers = st.floats(allow_nan=False, width=32)
pairs = st.lists(st.tuples(numbers, numbers), min_size=1, max_size=20)


def compared(pairs: list[tuple[float, float]], *, binary: bool = False) -> Compared:
    a, b = np.array(pairs, np.float32).T
    return Compared().and_then(a, b, binary=binary)


@settings(deadline=None)
@given(pairs, st.integers(0, 20))
def test_parts_add_up_to_the_whole(pairs: list[tuple[float, float]], cut: int) -> None:
    a, b = np.array(pairs, np.float32).T
    parts = Compared().and_then(a[:cut], b[:cut], binary=True).and_then(a[cut:], b[cut:], binary=True)
    assert parts == compared(pairs, binary=True)


@settings(deadline=None)
@given(pairs)
def test_the_largest_difference_is_found(pairs: list[tuple[float, float]]) -> None:
    a, b = np.array(pairs, np.float32).T.astype(np.float64)
    with np.errstate(invalid="ignore"):
        apart = np.where(a == b, 0, np.abs(a - b))
    assert compared(pairs).max_abs_difference == apart.max()


def test_what_is_no_number_in_one_of_them_is_infinitely_far() -> None:
    assert compared([(np.nan, np.nan), (np.inf, np.inf)]).max_abs_difference == 0
    assert compared([(np.nan, 0.5)]).max_abs_difference == np.inf
    assert compared([(np.inf, -np.inf)]).max_abs_difference == np.inf
    assert compared([(0.5, np.nan), (1.0, 1.0)]).max_abs_difference == np.inf


def test_another_shape_is_infinitely_far() -> None:
    said = Compared().and_then(np.zeros((2, 3)), np.zeros(2), binary=False)
    assert (said.rows, said.max_abs_difference) == (2, np.inf)


def test_decisions_are_those_at_one_half_or_the_largest_of_k() -> None:
    assert compared([(0.49, 0.51), (0.1, 0.4), (0.5, 0.9)], binary=True).equal_decisions == pytest.approx(
        2 / 3
    )
    assert compared([(0.49, 0.51)], binary=False).equal_decisions is None
    said = Compared().and_then(np.eye(4), np.eye(4)[[0, 1, 3, 3]], binary=False)
    assert said.equal_decisions == 0.75
    assert Compared().equal_decisions is None


@pytest.mark.parametrize(
    ("said", "shape"), [((9000, 1), (9000,)), ((9000,), (9000,)), ((9000, 4), (9000, 4))]
)
def test_one_number_or_k_numbers_a_row_are_taken(said: tuple[int, ...], shape: tuple[int, ...]) -> None:
    found = by_batches(lambda batch: np.ones((len(batch["x"]), *said[1:])), {"x": np.zeros(9000)})
    assert found.shape == shape


def test_several_outputs_are_one_array_by_name() -> None:
    found = by_batches(
        lambda batch: {"stars": np.ones((len(batch["x"]), 1)), "kinds": np.ones((len(batch["x"]), 3))},
        {"x": np.zeros(9000)},
    )
    assert form(found) == {"kinds": (3,), "stars": ()}
    assert found.shape == (9000,)


def test_several_outputs_are_compared_together() -> None:
    one = together({"stars": np.zeros(4), "kinds": np.eye(4)})
    other = together({"stars": np.array([0, 0, 0.5, 0]), "kinds": np.eye(4)[[0, 1, 3, 3]]})
    said = Compared().and_then(one, other, binary=False).and_then(one, one, binary=False)
    assert (said.rows, said.max_abs_difference) == (8, 1.0)
    assert said.equal_decisions == 7 / 8  # of the kinds: the stars decide nothing
    assert Compared().and_then(one, one[["stars"]], binary=False).max_abs_difference == np.inf


@pytest.mark.parametrize(
    "ask",
    [
        lambda batch: {"a": batch["x"], "b": np.zeros((len(batch["x"]), 2, 2))},
        lambda batch: np.zeros((len(batch["x"]), 2, 2)),
        lambda batch: np.zeros(7),
        lambda batch: np.float32(1),
    ],
)
def test_anything_else_is_refused(ask: Callable[[Any], Any]) -> None:
    with pytest.raises(ModelCodeError, match="outputs of shape"):
        by_batches(ask, {"x": np.zeros(5)})
