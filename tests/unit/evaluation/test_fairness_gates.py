"""Calibrated, FairAcross and FairRates: what the candidate promises, and whether to all alike."""

from __future__ import annotations

import numpy as np
import pytest

from ckpt_ops.errors import BadInput
from ckpt_ops.evaluation import METRICS, Calibrated, EvaluatedRows, FairAcross, FairRates, evaluate_all


def two_carriers(
    label: np.ndarray, candidate: np.ndarray, *, third: int = 0, champion: np.ndarray | None = None
) -> EvaluatedRows:
    """The first half of the rows is AA's, the second UA's, but for the last `third`, which are HA's."""
    carrier = np.where(np.arange(label.size) < label.size // 2, "AA", "UA")
    carrier[label.size - third :] = "HA"
    return EvaluatedRows(
        label=label,
        candidate=candidate,
        champion=champion,
        segments={"carrier": carrier},
        slice_key="k",
        rows="r",
    )


# --- Calibrated --------------------------------------------------------------------------------


def calibrated(count: int = 4_000) -> tuple[np.ndarray, np.ndarray]:
    random = np.random.default_rng(0)
    p = random.random(count)
    return (random.random(count) < p).astype(float), p


def test_honest_probabilities_pass_and_exaggerated_ones_are_refused():
    label, p = calibrated()
    honest = Calibrated(at_most=0.05).evaluate(two_carriers(label, p), seed=0)
    assert honest.passed is True
    assert honest.numbers["ece"] == pytest.approx(METRICS["ece"](label, p))
    louder = p**3 / (p**3 + (1 - p) ** 3)
    refused = Calibrated(at_most=0.05).evaluate(two_carriers(label, louder), seed=0)
    assert refused.passed is False
    n = refused.numbers
    assert refused.message == (
        f"ece {n['ece']:.3f} is above 0.050 on 4,000 rows in 10 bins; worst bin: predicted "
        f"{n['worst_predicted']:.3f}, observed {n['worst_observed']:.3f} on 400 rows of "
        f"{n['worst_low']:.3f} .. {n['worst_high']:.3f}"
    )
    assert abs(n["worst_predicted"] - n["worst_observed"]) > n["ece"]


def test_it_is_absolute_so_it_can_judge_a_first_version():
    label, p = calibrated()
    assert evaluate_all([Calibrated()], two_carriers(label, p)).passed is True


def test_scores_that_are_no_probabilities_are_refused_in_words():
    label, p = calibrated(100)
    verdict = Calibrated().evaluate(two_carriers(label, 9 * p), seed=0)
    assert verdict.passed is False
    assert "the candidate's ece has no value: ece needs probabilities from 0 to 1" in verdict.message
    numbers = Calibrated().evaluate(two_carriers(9 * p, p), seed=0)
    assert numbers.message.startswith("could not be evaluated: ece needs labels 0 or 1")


# --- FairAcross --------------------------------------------------------------------------------


def unequal(*, third: int = 0) -> EvaluatedRows:
    """A candidate that knows everything of AA and nothing of UA."""
    random = np.random.default_rng(1)
    label = (random.random(2_000) < 0.4).astype(float)
    candidate = np.where(np.arange(2_000) < 1_000, label, random.random(2_000))
    return two_carriers(label, candidate, third=third)


def test_a_carrier_that_is_judged_worse_is_found():
    verdict = FairAcross("carrier", max_gap=0.1).evaluate(unequal(third=50), seed=0)
    assert verdict.passed is False
    n = verdict.numbers
    assert n["value:AA"] == 1
    assert n["gap"] == n["value:AA"] - n["value:UA"]
    assert verdict.message == (
        f"auc differs by {n['gap']:.3f} between 2 segments of carrier, more than 0.100: 1.000 for AA "
        f"(1,000 rows), {n['value:UA']:.3f} for UA (950 rows); left out: 1 with fewer than 200 rows"
    )
    assert FairAcross("carrier", max_gap=0.9).evaluate(unequal(), seed=0).passed is True


def test_where_lower_is_better_the_gap_is_the_same():
    verdict = FairAcross("carrier", metric="brier", max_gap=0.01).evaluate(unequal(), seed=0)
    assert verdict.passed is False
    assert verdict.numbers["value:AA"] == 0


def test_one_segment_alone_cannot_be_unfair():
    assert FairAcross("carrier", min_rows=990).evaluate(unequal(third=50), seed=0).passed is None


def test_a_metric_without_a_value_on_any_segment_is_refused():
    evaluated = unequal()
    ones = EvaluatedRows(
        label=np.ones(2_000),
        candidate=evaluated.candidate,
        segments=evaluated.segments,
        slice_key="k",
        rows="r",
    )
    verdict = FairAcross("carrier").evaluate(ones, seed=0)
    assert verdict.passed is False
    assert verdict.message.startswith("could not be evaluated: auc has no value on any segment of carrier")


# --- FairRates ---------------------------------------------------------------------------------


def rates() -> EvaluatedRows:
    """AA: of 600 rows 300 positive, 150 of them found, 30 false alarms. UA: of 600, 300; 240 found, 30."""
    label = np.tile(np.repeat([1.0, 0.0], 300), 2)
    said = np.zeros(1_200)
    said[:150] = said[300:330] = said[600:840] = said[900:930] = 1
    return two_carriers(label, said * 0.6 + 0.2)


@pytest.mark.parametrize(
    ("rate", "of_aa", "of_ua", "over"),
    [
        ("positive", 180 / 600, 270 / 600, "600 rows"),
        ("true_positive", 150 / 300, 240 / 300, "300 rows of label 1"),
        ("false_positive", 30 / 300, 30 / 300, "300 rows of label 0"),
    ],
)
def test_rates_are_those_counted_by_hand(rate, of_aa, of_ua, over):
    verdict = FairRates("carrier", rate=rate, max_gap=0.1).evaluate(rates(), seed=0)
    assert verdict.numbers["value:AA"] == pytest.approx(of_aa)
    assert verdict.numbers["value:UA"] == pytest.approx(of_ua)
    assert verdict.passed is (of_ua - of_aa <= 0.1)
    assert f"({over})" in verdict.message


def test_a_gap_of_exactly_the_bound_is_within_it():
    assert FairRates("carrier", max_gap=0.15).evaluate(rates(), seed=0).passed is True
    assert FairRates("carrier", max_gap=0.149).evaluate(rates(), seed=0).passed is False


def test_the_threshold_decides_who_is_told_yes():
    nobody = FairRates("carrier", rate="true_positive", threshold=0.9).evaluate(rates(), seed=0)
    assert (nobody.passed, nobody.numbers["gap"]) == (True, 0)


def test_too_few_rows_of_the_label_leave_a_segment_out():
    evaluated = rates()
    label = np.where(evaluated.segments["carrier"] == "UA", 0.0, evaluated.label)
    few = two_carriers(label, evaluated.candidate)
    verdict = FairRates("carrier", rate="true_positive").evaluate(few, seed=0)
    assert verdict.passed is None
    assert "left out: 1 with fewer than 200 rows of label 1" in verdict.message


@pytest.mark.parametrize("gate", [FairAcross("carrier"), FairRates("carrier")], ids=lambda gate: gate.name)
def test_it_looks_at_a_first_version_but_is_not_enough_for_it(gate):
    assert gate.evaluate(unequal(), seed=0).passed is not None
    with pytest.raises(BadInput, match="at least one absolute gate"):
        evaluate_all([gate], unequal())


@pytest.mark.parametrize("gate", [FairAcross("carrier"), FairRates("carrier")], ids=lambda gate: gate.name)
def test_nan_is_refused_and_an_unknown_column_named(gate):
    label, p = calibrated(1_000)
    p[0] = np.nan
    verdict = gate.evaluate(two_carriers(label, p), seed=0)
    assert verdict.passed is False
    assert "the candidate's" in verdict.message
    with pytest.raises(BadInput, match=rf"{gate.name}.column='carrier'.*evaluated rows: none"):
        gate.evaluate(EvaluatedRows(label=label, candidate=p, slice_key="k", rows="r"), seed=0)


@pytest.mark.parametrize(
    ("build", "said"),
    [
        (lambda: Calibrated(at_most=0), "Calibrated.at_most=0.*above 0"),
        (lambda: Calibrated(at_most=1.5), "Calibrated.at_most=1.5.*at most 1"),
        (lambda: Calibrated(bins=0), "Calibrated.bins=0"),
        (lambda: FairAcross(""), "FairAcross.column=''"),
        (lambda: FairAcross("carrier", metric="lift"), "FairAcross.metric='lift'"),
        (lambda: FairAcross("carrier", max_gap=0), "FairAcross.max_gap=0.*above 0"),
        (
            lambda: FairRates("carrier", rate="odds"),
            "FairRates.rate='odds'.*positive, true_positive",
        ),
        (lambda: FairRates("carrier", max_gap=2), "FairRates.max_gap=2.*at most 1"),
        (lambda: FairRates("carrier", threshold=float("nan")), "FairRates.threshold=nan.*finite"),
        (lambda: FairRates("carrier", min_rows=1.5), "FairRates.min_rows=1.5"),
    ],
)
def test_their_settings_are_refused_at_the_door(build, said):
    with pytest.raises(BadInput, match=said):
        build()
