"""The paired bootstrap: reproducible, zero for equal models, honest about its coverage, and fast."""

from __future__ import annotations

import time

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ckpt_ops.errors import BadInput
from ckpt_ops.evaluation import (
    METRICS,
    Needs,
    UndefinedMetric,
    UnusablePredictions,
    bootstrap,
    paired_bootstrap,
)

ONE_NUMBER = [name for name, metric in METRICS.items() if metric.needs not in {Needs.CLASSES, Needs.GROUPS}]


def rows(count: int, *, seed: int = 0, noise: float = 0.3) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Labels, a candidate and a champion that are equally good: one score with two independent noises."""
    random = np.random.default_rng(seed)
    y = (random.random(count) < 0.3).astype(float)
    score = random.normal(size=count) + y

    def probability(x: np.ndarray) -> np.ndarray:
        return 1 / (1 + np.exp(-x))

    return (
        y,
        probability(score + noise * random.normal(size=count)),
        probability(score + noise * random.normal(size=count)),
    )


@pytest.mark.parametrize("name", ONE_NUMBER)
@settings(max_examples=15, deadline=None)
@given(seed=st.integers(0, 2**32 - 1), grid=st.integers(1, 50))
def test_equal_predictions_have_no_difference_at_all(name, seed, grid):
    y, candidate, _ = rows(80, seed=seed)
    p = np.round(candidate * grid) / grid
    found = paired_bootstrap(METRICS[name], y, p, p.copy(), seed=seed, resamples=40)
    assert (found.delta, found.low, found.high) == (0, 0, 0)


def test_the_seed_decides_the_interval_and_not_the_delta():
    y, candidate, champion = rows(300)

    def with_seed(seed: int) -> bootstrap.Difference:
        return paired_bootstrap(METRICS["auc"], y, candidate, champion, seed=seed)

    assert with_seed(1) == with_seed(1)
    assert with_seed(1).delta == with_seed(2).delta
    assert with_seed(1).low != with_seed(2).low


@pytest.mark.parametrize("name", ONE_NUMBER)
def test_swapping_the_models_mirrors_the_interval(name):
    y, candidate, champion = rows(200)
    one = paired_bootstrap(METRICS[name], y, candidate, champion, seed=3)
    other = paired_bootstrap(METRICS[name], y, champion, candidate, seed=3)
    assert (one.delta, one.low, one.high) == pytest.approx((-other.delta, -other.high, -other.low))


@pytest.mark.parametrize("name", ONE_NUMBER)
def test_it_resamples_rows_as_written_out_by_hand(name):
    y, candidate, champion = rows(150)
    random = np.random.default_rng(9)
    deltas = []
    for _ in range(400):
        drawn = random.integers(0, y.size, size=y.size)
        metric = METRICS[name]
        deltas.append(metric(y[drawn], candidate[drawn]) - metric(y[drawn], champion[drawn]))
    found = paired_bootstrap(METRICS[name], y, candidate, champion, seed=9, resamples=400, confidence=0.9)
    assert (found.low, found.high) == pytest.approx(tuple(np.quantile(deltas, [0.05, 0.95])))


def test_how_many_resamples_are_held_at_once_does_not_matter(monkeypatch):
    y, candidate, champion = rows(100)
    whole = paired_bootstrap(METRICS["auc"], y, candidate, champion, seed=5)
    monkeypatch.setattr(bootstrap, "CELLS_AT_ONCE", 700)
    assert paired_bootstrap(METRICS["auc"], y, candidate, champion, seed=5) == whole


def test_of_equally_good_models_about_one_in_twenty_intervals_misses_zero():
    missed = 0
    for seed in range(200):
        y, candidate, champion = rows(300, seed=seed)
        found = paired_bootstrap(METRICS["auc"], y, candidate, champion, seed=seed, resamples=200)
        missed += not found.low <= 0 <= found.high
    assert 2 <= missed <= 24


def test_resamples_without_one_class_are_left_out_and_counted():
    y = np.zeros(50)
    y[:2] = 1
    p = np.linspace(0, 1, 50)
    found = paired_bootstrap(METRICS["auc"], y, p, p[::-1].copy(), seed=0, resamples=400)
    assert 200 <= found.resamples < 400


def test_a_class_too_rare_to_resample_is_undefined(monkeypatch):
    monkeypatch.setattr(bootstrap, "_draw", lambda random, size, rows: np.eye(rows)[[0] * size] * rows)
    with pytest.raises(UndefinedMetric, match="one class is too rare"):
        paired_bootstrap(METRICS["auc"], np.array([0.0, 1.0]), np.zeros(2), np.ones(2), seed=0)


def test_nan_in_either_model_is_an_error():
    y, candidate, champion = rows(20)
    champion[3] = np.nan
    with pytest.raises(UnusablePredictions, match="1 of 20 predictions"):
        paired_bootstrap(METRICS["auc"], y, candidate, champion, seed=0)


@pytest.mark.parametrize("setting", [{"confidence": 0}, {"confidence": 1}, {"resamples": 0}])
def test_settings_out_of_range_are_refused(setting):
    with pytest.raises(BadInput, match=next(iter(setting))):
        paired_bootstrap(METRICS["auc"], *rows(20), seed=0, **setting)


def test_an_auc_over_2000_rows_and_500_resamples_takes_well_under_two_seconds():
    y, candidate, champion = rows(2_000)
    began = time.process_time()
    paired_bootstrap(METRICS["auc"], y, candidate, champion, seed=0, resamples=500)
    assert time.process_time() - began < 1.0


def test_for_a_ranking_whole_groups_are_drawn():
    random = np.random.default_rng(4)
    groups = np.repeat([f"query {number}" for number in range(60)], 8)
    y = (random.random(groups.size) < 0.3).astype(float)
    candidate, champion = y + random.normal(size=y.size), y + 2 * random.normal(size=y.size)
    found = paired_bootstrap(METRICS["ndcg"], y, candidate, champion, groups=groups, seed=9, resamples=300)
    names = np.unique(groups)
    again, deltas = np.random.default_rng(9), []
    for _ in range(300):
        drawn = again.integers(0, names.size, size=names.size)
        rows_of = np.concatenate([np.flatnonzero(groups == names[group]) for group in drawn])
        copies = np.repeat(np.arange(names.size).astype(str), 8)  # a group drawn twice is two groups
        deltas.append(
            METRICS["ndcg"](y[rows_of], candidate[rows_of], groups=copies)
            - METRICS["ndcg"](y[rows_of], champion[rows_of], groups=copies)
        )
    assert (found.low, found.high) == pytest.approx(tuple(np.quantile(deltas, [0.025, 0.975])))


def test_class_probabilities_are_resampled_by_rows():
    random = np.random.default_rng(5)
    y = random.integers(0, 7, 200).astype(float)

    def probabilities(noise: float) -> np.ndarray:
        score = np.exp(3 * np.eye(7)[y.astype(int)] + noise * random.normal(size=(200, 7)))
        return score / score.sum(axis=1, keepdims=True)

    candidate, champion = probabilities(1), probabilities(3)
    for name in (name for name, metric in METRICS.items() if metric.needs is Needs.CLASSES):
        metric, again, deltas = METRICS[name], np.random.default_rng(9), []
        found = paired_bootstrap(metric, y, candidate, champion, seed=9, resamples=100)
        for _ in range(100):
            drawn = again.integers(0, y.size, size=y.size)
            deltas.append(metric(y[drawn], candidate[drawn]) - metric(y[drawn], champion[drawn]))
        assert (found.low, found.high) == pytest.approx(tuple(np.quantile(deltas, [0.025, 0.975]))), name
        assert metric.improvement(found.delta) > 0, name
