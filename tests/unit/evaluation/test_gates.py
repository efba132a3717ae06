"""Each gate: what it passes, what it refuses, and the sentence it says."""

from __future__ import annotations

import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ckpt_ops import evaluation
from ckpt_ops.errors import BadInput
from ckpt_ops.evaluation import (
    METRICS,
    AtLeast,
    AtMost,
    Calibrated,
    EvaluatedRows,
    FairAcross,
    FairRates,
    Gate,
    LatencyAtMost,
    Needs,
    NoForgetting,
    NoSegmentWorse,
    NoSuspectSlice,
    NotWorseThan,
    Past,
    Servable,
    ServableCheck,
    SizeAtMost,
    Verdict,
    evaluate_all,
    past_slices,
    segment_columns,
)

GATES = [
    NotWorseThan(),
    AtLeast("auc", 0.6),
    AtMost("log_loss", 0.7),
    NoSegmentWorse("carrier"),
    NoForgetting(),
    NoSuspectSlice(),
    Calibrated(),
    FairAcross("carrier"),
    FairRates("carrier", rate="true_positive"),
    Servable(),
    LatencyAtMost(p95_ms=20),
    SizeAtMost(megabytes=50),
]


ONE_NUMBER = [name for name, metric in METRICS.items() if metric.needs not in {Needs.CLASSES, Needs.GROUPS}]


def with_auc(wins: int, of: int = 1000) -> tuple[np.ndarray, np.ndarray]:
    """One positive above `wins` of `of` negatives: an AUC of exactly wins / of."""
    label = np.zeros(of + 1)
    label[-1] = 1
    return label, np.append(np.arange(of), wins - 0.5)


@pytest.mark.parametrize("gate", GATES, ids=lambda gate: gate.name)
def test_every_gate_is_a_gate_and_writes_itself_as_code(gate, flights):
    assert isinstance(gate, Gate)
    verdict = gate.evaluate(flights(), seed=0)
    assert eval(verdict.gate, vars(evaluation)) == gate


@pytest.mark.parametrize("gate", GATES, ids=lambda gate: gate.name)
def test_every_verdict_survives_strict_json(gate, flights):
    verdict = gate.evaluate(flights(noise=0.2), seed=0)
    assert Verdict.from_json(json.loads(json.dumps(verdict.to_json(), allow_nan=False))) == verdict


COMPARING = [NotWorseThan(), NoSegmentWorse("carrier"), NoForgetting()]


@pytest.mark.parametrize("gate", COMPARING, ids=lambda gate: gate.name)
def test_a_champion_that_cannot_be_asked_as_it_is_served_is_no_pass(gate, flights):
    why = "version 3 could not be evaluated as it is served: its export is gone"
    evaluated = flights(champion=None, champion_missing=why)
    verdict = gate.evaluate(evaluated, seed=0)
    assert verdict.passed is False
    assert verdict.message.startswith(f"could not be evaluated: champion {why}. Fix that")
    assert "ckpt-ops promote MODEL VERSION --approve --despite-gates --why TEXT" in verdict.message
    assert evaluate_all([gate, AtLeast("auc", 0.1)], evaluated).passed is False
    assert gate.evaluate(flights(champion=None), seed=0).passed is None, "a first version has none"


def test_a_champion_that_can_be_asked_of_the_new_and_not_of_the_past_has_not_shown_that_nothing_is_forgotten(
    flights,
):
    past = Past(slice=["w1"], label=[1], candidate=[0.5], champion_missing="version 3 took no such rows")
    verdict = NoForgetting().evaluate(flights(past=past), seed=0)
    assert verdict.passed is False
    assert "version 3 took no such rows" in verdict.message


# --- NotWorseThan ------------------------------------------------------------------------------


def test_the_champion_itself_passes_as_its_own_candidate(flights):
    verdict = NotWorseThan(margin=0).evaluate(flights(noise=0), seed=0)
    assert verdict.passed is True
    assert "stayed at" in verdict.message
    assert verdict.numbers["delta"] == 0


@settings(max_examples=10, deadline=None)
@given(seed=st.integers(0, 2**32 - 1))
def test_a_candidate_that_learned_nothing_is_refused(flights, seed):
    good = flights(seed=seed)
    shuffled = np.random.default_rng(seed).permutation(good.champion)
    verdict = NotWorseThan().evaluate(flights(seed=seed, candidate=shuffled), seed=seed)
    assert verdict.passed is False
    assert verdict.numbers["high"] < 0


@pytest.mark.parametrize("name", ONE_NUMBER)
def test_worse_is_refused_and_better_passes_in_the_metrics_own_direction(name, flights):
    gate = NotWorseThan(metric=name)
    worse = flights(noise=2.0)
    better = flights(candidate=worse.champion, champion=worse.candidate)
    assert gate.evaluate(worse, seed=0).passed is False
    assert gate.evaluate(better, seed=0).passed is True


def test_a_fall_beyond_the_margin_says_from_where_to_where_and_how_sure(flights):
    verdict = NotWorseThan(metric="auc", margin=0.005).evaluate(flights(noise=0.5), seed=0)
    n = {key: f"{value:.3f}" for key, value in verdict.numbers.items()}
    assert verdict.message == (
        f"auc fell from {n['champion']} to {n['candidate']} on 2,000 rows "
        f"({n['delta']}, 95 % interval {n['low']} .. {n['high']}); "
        "harm: it falls by more than the margin of 0.005; "
        "gain: it cannot be told from the champion, as these rows favour it"
    )


def test_a_fall_beyond_the_margin_is_refused_however_unsure(flights):
    few = flights(count=60, noise=0.6, seed=3)
    verdict = NotWorseThan(margin=0.005).evaluate(few, seed=0)
    assert verdict.numbers["delta"] < -0.005
    assert verdict.numbers["high"] > 0
    assert verdict.passed is False


def test_a_sure_fall_within_the_margin_is_refused_too(flights):
    verdict = NotWorseThan(margin=0.1).evaluate(flights(noise=0.5), seed=0)
    assert verdict.numbers["delta"] > -0.1
    assert verdict.numbers["high"] < 0
    assert verdict.passed is False
    assert (
        "it surely falls, though within the margin of 0.100: the whole interval is worse" in verdict.message
    )


def test_an_unsure_fall_within_the_margin_passes(flights):
    verdict = NotWorseThan(margin=0.1).evaluate(flights(count=60, noise=0.6, seed=3), seed=0)
    assert verdict.passed is True
    assert "harm: none seen" in verdict.message


def test_a_fall_of_exactly_the_margin_is_within_it():
    label, champion = with_auc(700)
    _, candidate = with_auc(695)
    evaluated = EvaluatedRows(label=label, candidate=candidate, champion=champion, slice_key="k", rows="r")
    verdict = NotWorseThan(margin=0.005).evaluate(evaluated, seed=0)
    assert verdict.numbers["delta"] == pytest.approx(-0.005)
    assert "more than the margin" not in verdict.message


def test_without_a_champion_it_does_not_apply(flights):
    verdict = NotWorseThan().evaluate(flights(champion=None), seed=0)
    assert verdict.passed is None
    assert verdict.message.startswith("not applicable")


# --- AtLeast, AtMost ---------------------------------------------------------------------------


def test_at_least_says_the_value_and_the_bound():
    label, candidate = with_auc(671)
    evaluated = EvaluatedRows(label=label, candidate=candidate, slice_key="k", rows="r")
    assert (
        AtLeast("auc", 0.6).evaluate(evaluated, seed=0).message == "auc 0.671 is at least 0.600 on 1,001 rows"
    )
    assert AtLeast("auc", 0.671).evaluate(evaluated, seed=0).passed is True
    refused = AtLeast("auc", 0.7).evaluate(evaluated, seed=0)
    assert (refused.passed, refused.message) == (False, "auc 0.671 is below 0.700 on 1,001 rows")


def test_a_near_miss_is_shown_with_the_digits_that_made_it():
    label, candidate = with_auc(5999, of=10_000)
    evaluated = EvaluatedRows(label=label, candidate=candidate, slice_key="k", rows="r")
    assert AtLeast("auc", 0.6).evaluate(evaluated, seed=0).message == (
        "auc 0.5999 is below 0.6000 on 10,001 rows"
    )


def test_at_most_bounds_a_loss(flights):
    loss = METRICS["log_loss"](flights().label, flights().candidate)
    assert AtMost("log_loss", loss).evaluate(flights(), seed=0).passed is True
    refused = AtMost("log_loss", loss / 2).evaluate(flights(), seed=0)
    assert refused.passed is False
    assert " is above " in refused.message


# --- NoSegmentWorse ----------------------------------------------------------------------------


def test_one_bad_segment_is_found_behind_a_good_average(flights):
    base = flights()
    spoiled = np.where(base.segments["carrier"] == "UA", 1 - base.champion, base.label)
    verdict = NoSegmentWorse("carrier").evaluate(flights(candidate=spoiled), seed=0)
    assert METRICS["auc"](base.label, spoiled) > METRICS["auc"](base.label, base.champion) - 0.05
    assert verdict.passed is False
    assert verdict.message.startswith(
        "1 of 2 segments of carrier got worse by more than the margin of 0.050 (UA)"
    )
    n = verdict.numbers
    assert n["delta:UA"] < -0.05 < n["delta:AA"]
    assert n["low:UA"] < n["delta:UA"] < n["high:UA"] < 0
    assert n["rows:UA"] == np.count_nonzero(base.segments["carrier"] == "UA")
    assert f"({n['delta:UA']:.3f}, 95 % interval {n['low:UA']:.3f} .. {n['high:UA']:.3f}," in verdict.message


def test_small_segments_are_left_out_and_counted(flights):
    verdict = NoSegmentWorse("carrier", min_rows=200).evaluate(flights(), seed=0)
    assert verdict.passed is True
    assert "left out: 1 with fewer than 200 rows" in verdict.message
    assert "delta:HA" not in verdict.numbers
    assert "delta:HA" in NoSegmentWorse("carrier", min_rows=10).evaluate(flights(), seed=0).numbers


def test_a_segment_of_one_class_is_left_out_and_counted(flights):
    base = flights()
    label = np.where(base.segments["carrier"] == "AA", 0.0, base.label)
    verdict = NoSegmentWorse("carrier").evaluate(flights(label=label), seed=0)
    assert verdict.passed is True
    assert "1 on which auc has no value" in verdict.message


def test_where_no_segment_can_be_compared_it_does_not_apply(flights):
    assert NoSegmentWorse("carrier", min_rows=10_000).evaluate(flights(), seed=0).passed is None
    assert NoSegmentWorse("carrier").evaluate(flights(champion=None), seed=0).passed is None


def test_an_unknown_segment_column_is_refused_with_the_known_ones(flights):
    with pytest.raises(BadInput, match=r"column='airline'.*evaluated rows: carrier"):
        NoSegmentWorse("airline").evaluate(flights(), seed=0)


# --- Servable ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("check", "passed", "message"),
    [
        (None, False, "export was not checked"),
        (ServableCheck(max_abs_difference=0.0, rows=9), True, "equal the model's within 1e-06 on 9 rows"),
        (ServableCheck(max_abs_difference=1e-6, rows=9), True, "equal the model's"),
        (ServableCheck(max_abs_difference=2e-6, rows=9), False, "differ by up to 2e-06 on 9 rows"),
        (ServableCheck(max_abs_difference=float("nan"), rows=9), False, "are not numbers"),
        (ServableCheck(max_abs_difference=0.0, rows=0), False, "no predictions were compared"),
        (ServableCheck(max_abs_difference=None, rows=9), False, "no predictions were compared"),
        (ServableCheck(max_abs_difference=0.0, rows=9, error="no signature"), False, "failed: no signature"),
    ],
)
def test_servable_passes_only_what_was_compared_and_equal(flights, check, passed, message):
    verdict = Servable().evaluate(flights(servable=check), seed=0)
    assert verdict.passed is passed
    assert message in verdict.message


@pytest.mark.parametrize(
    ("gate", "precision", "relative", "passed", "message"),
    [
        (Servable(), "float32", 9e-7, True, "within 1e-06 on 9 rows (computed in float32)"),
        (Servable(), "float32", 2e-6, False, "more than 1e-06 (computed in float32)"),
        (Servable(), "bfloat16", 0.03, True, "within 0.031 on 9 rows (computed in bfloat16)"),
        (Servable(), "bfloat16", 0.04, False, "differ by up to 0.04 on 9 rows, more than 0.031"),
        (Servable(), "float16", 0.003, True, "within 0.0039"),
        (Servable(), "float64", 1e-11, False, "more than 1e-12 (computed in float64)"),
        (Servable(), "float64", float("nan"), False, "are not numbers"),
        (Servable(), None, 9e-7, True, "(computed in float32)"),
        (Servable(tolerance=1e-6), "bfloat16", 0.0, False, "differ by up to 0.5 on 9 rows, more than 1e-06"),
    ],
)
def test_without_a_tolerance_an_export_is_held_to_its_precision(
    gate, precision, relative, passed, message, flights
):
    """0.5 apart in absolute numbers: of predictions in the millions, as may be."""
    check = ServableCheck(max_abs_difference=0.5, rows=9, relative_difference=relative, precision=precision)
    verdict = gate.evaluate(flights(servable=check), seed=0)
    assert verdict.passed is passed
    assert message in verdict.message


def test_what_an_older_process_measured_is_judged_as_it_was():
    written = {"max_abs_difference": 5e-7, "rows": 9, "error": None}
    assert ServableCheck.from_json(written) == ServableCheck(max_abs_difference=5e-7, rows=9)
    long = ServableCheck.from_json({"rows": 0, "error": f"ValueError: bad [{', '.join(['0.25'] * 9_000)}]"})
    assert long.error == "ValueError: bad [...]"


# --- what could not be evaluated is never passed --------------------------------------------------


@pytest.mark.parametrize("gate", [NotWorseThan(), AtLeast("auc", 0)], ids=lambda gate: gate.name)
def test_one_class_is_a_refusal_in_plain_words(gate, flights):
    verdict = gate.evaluate(flights(label=np.ones(2_000)), seed=0)
    assert verdict.passed is False
    assert verdict.message == "could not be evaluated: auc needs both classes, all 2,000 labels are 1"


@pytest.mark.parametrize("gate", GATES[:4], ids=lambda gate: gate.name)
def test_a_candidate_that_says_nan_is_refused_and_the_nan_counted(gate, flights):
    candidate = flights().candidate.copy()
    candidate[:17] = np.nan
    candidate[17:1_500] = np.inf
    verdict = gate.evaluate(flights(candidate=candidate), seed=0)
    assert verdict.passed is False
    assert "the candidate's" in verdict.message
    assert "are NaN or infinite" in verdict.message


def test_a_champion_that_says_nan_is_not_beaten_by_default(flights):
    verdict = NotWorseThan().evaluate(flights(champion=np.full(2_000, np.nan)), seed=0)
    assert verdict.passed is False
    assert "the champion's auc has no value: 2,000 of 2,000 predictions" in verdict.message


# --- settings ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("build", "said"),
    [
        (lambda: NotWorseThan(metric="lift"), "NotWorseThan.metric='lift'.*one of auc, log_loss"),
        (lambda: NotWorseThan(margin=-0.1), "NotWorseThan.margin=-0.1.*0 or more"),
        (lambda: NotWorseThan(margin=float("nan")), "NotWorseThan.margin=nan.*finite"),
        (lambda: NotWorseThan(confidence=95), "NotWorseThan.confidence=95.*between 0 and 1"),
        (lambda: NotWorseThan(champion="v3"), "NotWorseThan.champion='v3'.*'production'"),
        (lambda: AtLeast("auc", "0.6"), "AtLeast.threshold='0.6'.*finite number"),
        (lambda: AtLeast("auc", True), "AtLeast.threshold=True"),
        (lambda: AtLeast("log_loss", 0.3), r"AtLeast.metric='log_loss'.*auc, accuracy[\s\S]*write AtMost"),
        (lambda: AtMost("auc", 0.3), r"AtMost.metric='auc'.*log_loss, brier[\s\S]*write AtLeast"),
        (lambda: NoSegmentWorse(""), "NoSegmentWorse.column=''"),
        (lambda: NoSegmentWorse("carrier", min_rows=0), "NoSegmentWorse.min_rows=0.*at least 1"),
        (lambda: NoSegmentWorse("carrier", margin=-1), "NoSegmentWorse.margin=-1"),
        (lambda: Servable(tolerance=-1), "Servable.tolerance=-1"),
    ],
)
def test_settings_are_refused_at_the_door(build, said):
    with pytest.raises(BadInput, match=said):
        build()


# --- what gates ask of those who collect rows --------------------------------------------------


def test_the_columns_of_all_gates_are_asked_for_once():
    gates = [FairAcross("carrier"), AtLeast("auc", 0.6), NoSegmentWorse("origin"), FairRates("carrier")]
    assert segment_columns(gates) == ("carrier", "origin")
    assert segment_columns([Servable()]) == ()


def test_as_many_past_slices_are_asked_for_as_the_gate_that_wants_most():
    assert past_slices([NoForgetting(slices=3), NotWorseThan(slices=4), NoForgetting(slices=5)]) == 5
    assert past_slices([NotWorseThan(), Servable()]) == 8
    assert past_slices([AtLeast("auc", 0.6), Servable()]) == 0
    assert past_slices([]) == 0


def test_a_gate_on_a_ranking_reads_the_groups():
    random = np.random.default_rng(0)
    label = (random.random(400) < 0.3).astype(float)
    groups = np.repeat(np.arange(50), 8)
    rows = {"label": label, "slice_key": "k", "rows": "r", "groups": groups}
    good, bad = label + random.normal(size=400), random.normal(size=400)
    gate = NotWorseThan(metric="ndcg")
    assert gate.evaluate(EvaluatedRows(candidate=good, champion=bad, **rows), seed=0).passed is True
    assert gate.evaluate(EvaluatedRows(candidate=bad, champion=good, **rows), seed=0).passed is False
    assert AtLeast("mrr", 0.99).evaluate(EvaluatedRows(candidate=bad, **rows), seed=0).passed is False
    without = EvaluatedRows(candidate=good, champion=bad, **(rows | {"groups": None}))
    assert gate.evaluate(without, seed=0).message == (
        "could not be evaluated: ndcg needs groups: which rows are ranked against each other"
    )


def test_a_gate_on_several_classes_reads_their_probabilities():
    label = np.arange(300) % 3
    good = np.eye(3)[label] * 0.7 + 0.1
    rows = {"label": label, "champion": good, "slice_key": "k", "rows": "r"}
    even = np.full((300, 3), 1 / 3)
    assert (
        NotWorseThan(metric="cross_entropy").evaluate(EvaluatedRows(candidate=good, **rows), seed=0).passed
        is True
    )
    assert (
        NotWorseThan(metric="macro_f1").evaluate(EvaluatedRows(candidate=even, **rows), seed=0).passed
        is False
    )
    unfit = AtLeast("auc", 0.5).evaluate(EvaluatedRows(candidate=good, **rows), seed=0)
    assert (unfit.passed, unfit.message) == (
        False,
        "could not be evaluated: auc needs one prediction per row, there are 3, one per class",
    )
