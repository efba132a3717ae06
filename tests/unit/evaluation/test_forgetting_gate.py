"""NoForgetting: what the champion knew of past slices, the candidate has to know."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from ckpt_ops.errors import BadInput
from ckpt_ops.evaluation import EvaluatedRows, NoForgetting, Past

gate = NoForgetting(margin=0.02)


@pytest.fixture
def remembered(flights):
    """`remembered(w1=0.0, w2=1.5)`: rows whose past slices have so much noise in the candidate."""

    def build(*, count: int = 500, **noise: float) -> EvaluatedRows:
        weeks = [flights(noise=one, seed=number, count=count) for number, one in enumerate(noise.values())]
        past = Past(
            slice=np.repeat(list(noise), count),
            label=np.concatenate([week.label for week in weeks]),
            candidate=np.concatenate([week.candidate for week in weeks]),
            champion=np.concatenate([week.champion for week in weeks]),
        )
        return flights(past=past)

    return build


def test_who_remembers_all_passes(remembered):
    verdict = gate.evaluate(remembered(w1=0.0, w2=0.0), seed=0)
    assert verdict.passed is True
    assert verdict.message.startswith("none of 2 past slices got worse by more than the margin of 0.020")
    assert "all past rows together: +0.000" in verdict.message
    assert verdict.numbers["delta:w1"] == verdict.numbers["delta_together"] == 0


def test_one_forgotten_slice_is_found_among_others(remembered):
    verdict = gate.evaluate(remembered(w1=0.0, w2=1.5, w3=0.0, w4=0.0), seed=0)
    assert verdict.passed is False
    assert verdict.message.startswith("1 of 4 past slices got worse by more than the margin of 0.020 (w2)")
    n = verdict.numbers
    assert n["low:w2"] < n["delta:w2"] < n["high:w2"] < -0.02
    assert (n["rows:w2"], n["rows_together"]) == (500, 2_000)


def test_a_fall_everywhere_below_the_margin_is_seen_in_all_rows_together(remembered):
    broad = NoForgetting(margin=0.05)
    verdict = broad.evaluate(remembered(w1=0.6, w2=0.6, w3=0.6, w4=0.6), seed=0)
    falls = [verdict.numbers[f"delta:w{number}"] for number in (1, 2, 3, 4)]
    assert all(-0.05 < fall < 0 for fall in falls)
    assert verdict.numbers["delta_together"] < -0.025
    assert verdict.passed is False
    assert "surely a fall of more than half the margin, 0.025" in verdict.message


def test_a_small_sure_fall_is_the_price_of_learning_unless_the_margin_is_0(remembered):
    evaluated = remembered(w1=0.3, w2=0.3, w3=0.3)
    verdict = NoForgetting(margin=0.2).evaluate(evaluated, seed=0)
    assert verdict.numbers["high_together"] < 0
    assert verdict.passed is True
    assert NoForgetting(margin=0).evaluate(evaluated, seed=0).passed is False


def test_few_rows_are_judged_together_only(remembered):
    evaluated = remembered(count=150, w1=3.0, w2=3.0)
    verdict = gate.evaluate(evaluated, seed=0)
    assert (verdict.numbers["slices_judged"], verdict.numbers["slices_small"]) == (0, 2)
    assert verdict.passed is False
    assert verdict.message.endswith("left out: 2 with fewer than 200 rows")
    assert NoForgetting(min_rows=400).evaluate(evaluated, seed=0).passed is None


def test_it_does_not_apply_where_nothing_was_learned_before(flights):
    nothing = Past(slice=np.array([], dtype=str), label=[], candidate=[])
    assert gate.evaluate(flights(past=nothing), seed=0).passed is None
    assert gate.evaluate(flights(champion=None), seed=0).passed is None


def test_a_past_that_nobody_predicted_is_no_pass(flights, remembered):
    verdict = gate.evaluate(flights(), seed=0)
    assert (verdict.passed, verdict.message) == (
        False,
        "could not be evaluated: there are no predictions on rows of slices consumed before",
    )
    evaluated = remembered(w1=0.0)
    without_champion = replace(evaluated, past=replace(evaluated.past, champion=None))
    assert gate.evaluate(without_champion, seed=0).passed is False


def test_what_has_no_value_on_any_slice_is_no_pass(flights, remembered):
    evaluated = remembered(w1=0.0)
    one_class = replace(evaluated.past, label=np.zeros(evaluated.past.count))
    verdict = gate.evaluate(replace(evaluated, past=one_class), seed=0)
    assert verdict.passed is False
    assert verdict.message.startswith("could not be evaluated: auc has no value on any past slice")
    silent = replace(evaluated.past, candidate=np.full(evaluated.past.count, np.nan))
    verdict = gate.evaluate(replace(evaluated, past=silent), seed=0)
    assert verdict.passed is False
    assert "the candidate's auc has no value: 500 of 500 predictions are NaN" in verdict.message


def test_queries_of_one_name_in_two_slices_are_two_queries(flights):
    label = np.tile([1.0, 0, 0, 0], 100)
    slices, groups = np.repeat(["w1", "w2"], 200), np.tile(np.repeat(np.arange(50), 4), 2)
    ranking = np.tile([4.0, 3, 2, 1], 100)
    low = np.where(slices == "w1", ranking, ranking - 9)  # of another level in w2, as well ordered
    past = Past(slice=slices, label=label, candidate=low, champion=ranking, groups=groups)
    verdict = NoForgetting(metric="ndcg").evaluate(flights(past=past), seed=0)
    assert verdict.passed is True
    assert verdict.numbers["delta_together"] == 0


@pytest.mark.parametrize(
    ("build", "said"),
    [
        (lambda: NoForgetting(metric="lift"), "NoForgetting.metric='lift'.*one of auc"),
        (lambda: NoForgetting(margin=-0.1), "NoForgetting.margin=-0.1.*0 or more"),
        (lambda: NoForgetting(min_rows=0), "NoForgetting.min_rows=0.*at least 1"),
        (lambda: NoForgetting(slices=True), "NoForgetting.slices=True.*at least 1"),
    ],
)
def test_its_settings_are_refused_at_the_door(build, said):
    with pytest.raises(BadInput, match=said):
        build()
