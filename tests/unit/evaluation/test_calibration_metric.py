"""Calibration: bins of equal mass, which no order of the rows changes, and the error over them."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.calibration import calibration_curve

from ckpt_ops.errors import BadInput
from ckpt_ops.evaluation import METRICS
from ckpt_ops.evaluation.metrics import calibration_bins, expected_error

ece = METRICS["ece"]


def rows(count: int, *, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    random = np.random.default_rng(seed)
    p = random.random(count)
    return (random.random(count) < p).astype(float), p


@settings(deadline=None)
@given(seed=st.integers(0, 2**32 - 1), size=st.integers(1, 30))
def test_without_ties_the_bins_are_those_of_scikit_learn(seed, size):
    y, p = rows(10 * size, seed=seed)
    observed, predicted = calibration_curve(y, p, n_bins=10, strategy="quantile")
    bins = calibration_bins(y, p)
    assert [one.rows for one in bins] == [size] * 10
    assert [one.observed for one in bins] == pytest.approx(list(observed))
    assert [one.predicted for one in bins] == pytest.approx(list(predicted))
    assert ece(y, p) == pytest.approx(float(np.mean(np.abs(observed - predicted))))


ties = st.lists(st.tuples(st.integers(0, 1), st.integers(0, 6)), min_size=1, max_size=50)


@settings(deadline=None)
@given(drawn=ties, bins=st.integers(1, 12), data=st.data())
def test_ties_stay_together_and_the_order_of_rows_does_not_matter(drawn, bins, data):
    y, steps = np.array(drawn, dtype=float).T
    p = steps / 6
    found = calibration_bins(y, p, bins=bins)
    assert sum(one.rows for one in found) == y.size
    assert sum(one.rows * one.observed for one in found) == pytest.approx(y.sum())
    assert all(before.high < after.low for before, after in pairwise(found))
    shuffled = data.draw(st.permutations(range(y.size)))
    again = calibration_bins(y[shuffled], p[shuffled], bins=bins)
    assert [(one.rows, one.high) for one in again] == [(one.rows, one.high) for one in found]
    assert expected_error(again) == pytest.approx(expected_error(found))


@settings(deadline=None)
@given(drawn=ties)
def test_the_error_is_the_mean_gap_of_the_bins(drawn):
    y, steps = np.array(drawn, dtype=float).T
    assert ece(y, steps / 6) == pytest.approx(expected_error(calibration_bins(y, steps / 6)), abs=1e-12)


def test_an_overconfident_model_has_the_larger_error():
    y, p = rows(5_000)
    sharper = p**3 / (p**3 + (1 - p) ** 3)
    assert ece(y, p) < 0.03 < 0.1 < ece(y, sharper)
    bins = calibration_bins(y, sharper)
    assert bins[2].gap < -0.1
    assert bins[-3].gap > 0.1


def test_a_constant_answer_is_one_bin():
    y = np.array([1.0, 0, 0, 0])
    (only,) = calibration_bins(y, np.full(4, 0.75))
    assert (only.rows, only.predicted, only.observed, only.gap) == (4, 0.75, 0.25, 0.5)
    assert ece(y, np.full(4, 0.75)) == 0.5


def test_a_number_of_bins_below_one_is_refused():
    with pytest.raises(BadInput, match="bins=0"):
        calibration_bins(*rows(10), bins=0)
