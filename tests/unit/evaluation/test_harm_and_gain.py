"""NotWorseThan in its two parts: harm on any rows, a gain only on rows that favour neither model."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ckpt_ops.errors import BadInput
from ckpt_ops.evaluation import AtLeast, Basis, EvaluatedRows, NotWorseThan, Past, Unclear, evaluate_all

SEEDS = st.integers(0, 2**32 - 1)


def models(count: int, *, seed: int, noise: float) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Labels, a champion that knows something of them, and a candidate that knows less by some noise."""
    random = np.random.default_rng(seed)
    label = (random.random(count) < 0.3).astype(float)
    score = random.normal(size=count) + label
    return label, score, score + noise * random.normal(size=count)


def past_of(label: np.ndarray, champion: np.ndarray, candidate: np.ndarray) -> Past:
    key = np.repeat(["2013-01-06", "2013-01-13"], [label.size // 2, label.size - label.size // 2])
    return Past(slice=key, label=label, champion=champion, candidate=candidate)


def test_on_rows_that_favour_the_candidate_no_gain_is_claimed_however_sure(flights):
    worse = flights(noise=2.0)
    better = flights(candidate=worse.champion, champion=worse.candidate)
    verdict = NotWorseThan().evaluate(better, seed=0)
    assert verdict.passed is True
    assert verdict.numbers["low"] > 0.05
    assert verdict.numbers["gain"] == 0
    assert "gain: it cannot be told from the champion, as these rows favour it" in verdict.message


def test_on_rows_that_favour_neither_a_sure_rise_is_a_gain(flights):
    worse = flights(noise=2.0)
    better = flights(candidate=worse.champion, champion=worse.candidate, basis=Basis.SHADOW)
    verdict = NotWorseThan().evaluate(better, seed=0)
    assert verdict.numbers["gain"] == 1
    assert "gain: it is better on rows that favour neither model" in verdict.message


def test_there_too_an_unsure_rise_is_none(flights):
    verdict = NotWorseThan(margin=0.5).evaluate(flights(noise=0.0, basis=Basis.SHADOW), seed=0)
    assert verdict.passed is True
    assert "gain: it cannot be told from the champion, as the interval holds zero" in verdict.message


@settings(max_examples=8, deadline=None)
@given(seed=SEEDS)
def test_harm_on_slices_that_both_have_learned_is_seen_though_the_new_rows_hide_it(flights, seed):
    hidden = flights(noise=0.0, past=past_of(*models(4_000, seed=seed, noise=1.5)))
    verdict = NotWorseThan(margin=0.005).evaluate(hidden, seed=0)
    assert verdict.numbers["delta"] == 0
    assert verdict.passed is False
    assert "harm: on slices that both consumed it falls by more than 0.020" in verdict.message


def test_a_small_fall_on_the_past_is_the_price_of_learning(flights):
    label, champion, candidate = models(20_000, seed=1, noise=0.2)
    verdict = NotWorseThan().evaluate(flights(past=past_of(label, champion, candidate)), seed=0)
    assert -0.02 < verdict.numbers["delta_past"] < -0.002
    assert verdict.passed is True
    assert "harm: none seen, nor on slices that both consumed" in verdict.message
    assert (
        NotWorseThan(past_margin=0.001)
        .evaluate(flights(past=past_of(label, champion, candidate)), seed=0)
        .passed
        is False
    )


def test_harm_on_one_slice_is_seen_though_another_hides_it():
    """On a poisoned slice both are as bad, so that together the fall on the clean one is half as large."""
    label, champion, candidate = models(1_500, seed=2, noise=0.7)
    random = np.random.default_rng(3)
    poisoned, nothing = (random.random(8_000) < 0.3).astype(float), random.normal(size=8_000)
    evaluated = EvaluatedRows(
        label=np.concatenate([poisoned, label]),
        champion=np.concatenate([nothing, champion]),
        candidate=np.concatenate([nothing, candidate]),
        slice=np.repeat(["2013-01-20", "2013-01-27"], [8_000, 1_500]),
        slice_key="2013-01-27",
        rows="two slices",
    )
    verdict = NotWorseThan(margin=0.04).evaluate(evaluated, seed=0)
    assert -0.04 < verdict.numbers["delta"] < 0
    assert "on slice 2013-01-27 it surely falls by more than the margin" in verdict.message
    assert verdict.numbers["delta:2013-01-20"] == 0


def test_what_cannot_be_told_may_wait(flights):
    waits = NotWorseThan(margin=0.5, unclear=Unclear.WAIT)
    evaluation = evaluate_all([waits, AtLeast("auc", 0.5)], flights(noise=0.01, basis=Basis.SHADOW))
    assert (evaluation.passed, evaluation.waits) == (False, True)
    assert "it waits for more slices" in evaluation.message
    assert evaluation.suspects == {}


def test_harm_does_not_wait(flights):
    evaluation = evaluate_all([NotWorseThan(unclear=Unclear.WAIT), AtLeast("auc", 0.5)], flights(noise=2.0))
    assert (evaluation.passed, evaluation.waits) == (False, False)


def test_another_refusal_is_not_hidden_by_waiting(flights):
    waits = NotWorseThan(margin=0.5, unclear=Unclear.WAIT)
    evaluation = evaluate_all([waits, AtLeast("auc", 0.99)], flights(noise=0.0))
    assert (evaluation.passed, evaluation.waits) == (False, False)


def test_unclear_is_one_of_two():
    with pytest.raises(BadInput, match="unclear"):
        NotWorseThan(unclear="wait")
