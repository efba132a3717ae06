"""What a report holds and shows: from predictions to values, from values to a page."""

from __future__ import annotations

import json
import re
from typing import Any

import numpy as np
import pytest
from sklearn.metrics import roc_auc_score, roc_curve

from ckpt_ops.evaluation import (
    AtLeast,
    AtMost,
    EvaluatedRows,
    NoForgetting,
    NoSegmentWorse,
    Past,
    evaluate_all,
)
from ckpt_ops.evaluation.report import Lineup, report_html, report_values
from ckpt_ops.evaluation.report.curves import calibration, curves, kind_of, roc

ROWS = 600
draw = np.random.default_rng(7)
LABEL = (draw.random(ROWS) < 0.4).astype(float)
GOOD = np.clip(0.25 + 0.4 * LABEL + draw.normal(0, 0.2, ROWS), 0, 1)
WORSE = np.clip(0.35 + 0.2 * LABEL + draw.normal(0, 0.2, ROWS), 0, 1)
SEGMENT = np.where(np.arange(ROWS) % 3 == 0, "AA", "<b>UA</b>")


def evaluated(**changes: Any) -> EvaluatedRows:
    past = Past(
        slice=np.where(np.arange(ROWS) < 300, "w1", "w2"), label=LABEL, candidate=WORSE, champion=GOOD
    )
    said = {
        "label": LABEL,
        "candidate": GOOD,
        "champion": WORSE,
        "slice_key": "w3",
        "rows": "holdout of slice w3",
        "segments": {"carrier": SEGMENT},
        "past": past,
    }
    return EvaluatedRows(**{**said, **changes})


def values(one: EvaluatedRows, metric: str = "auc", **changes: Any) -> dict[str, Any]:
    gates = [
        AtLeast("auc", 0.6),
        NoSegmentWorse("carrier", metric="auc"),
        NoForgetting(metric="auc", margin=0.02),
    ]
    if metric == "rmse":
        gates = [AtMost("rmse", 99.0)]
    if metric == "top1_accuracy":
        gates = [AtLeast("top1_accuracy", 0.1)]
    evaluation = evaluate_all(gates, one, seed=1)
    said = {"model": "m", "version": 3, "champion": 2, "metric": metric} | changes
    return report_values(one, evaluation, **said)


def test_what_it_holds_is_strict_json() -> None:
    found = values(evaluated())
    assert json.loads(json.dumps(found, allow_nan=False)) == found


def test_the_roc_curve_is_that_of_scikit_learn() -> None:
    ours = roc(LABEL, GOOD)
    assert ours is not None
    false, true, _ = roc_curve(LABEL, GOOD, drop_intermediate=False)
    points = set(zip(false.round(6).tolist(), true.round(6).tolist(), strict=True))
    assert set(zip(ours["false_positive_rate"], ours["true_positive_rate"], strict=True)) <= points
    area = np.trapezoid(ours["true_positive_rate"], ours["false_positive_rate"])
    assert area == pytest.approx(roc_auc_score(LABEL, GOOD), abs=0.005)


def test_rows_of_one_score_are_one_step_of_the_curve() -> None:
    ours = roc(np.array([0.0, 1.0, 1.0, 0.0]), np.full(4, 0.5))
    assert ours == {"false_positive_rate": [0.0, 1.0], "true_positive_rate": [0.0, 1.0]}


def test_one_class_has_no_curve() -> None:
    assert roc(np.ones(5), np.linspace(0, 1, 5)) is None


def test_bins_of_the_calibration_hold_all_rows_and_keep_their_means() -> None:
    found = calibration(LABEL, GOOD)
    rows = np.array(found["rows"])
    assert rows.sum() == ROWS
    assert np.average(found["found"], weights=rows) == pytest.approx(LABEL.mean(), abs=1e-5)
    assert found["predicted"] == sorted(found["predicted"])


@pytest.mark.parametrize(
    ("label", "predictions", "kind"),
    [
        (LABEL, GOOD, "binary"),
        (LABEL, GOOD * 3, "numbers"),
        (LABEL * 2.5, GOOD, "numbers"),
        (LABEL, np.stack([1 - GOOD, GOOD], axis=1), "classes"),
        (LABEL, np.full(ROWS, np.nan), "none"),
        (np.empty(0), np.empty(0), "none"),
    ],
)
def test_which_curves_there_are_follows_from_the_predictions(label: Any, predictions: Any, kind: str) -> None:
    assert kind_of(label, predictions) == kind
    assert curves(label, {"candidate": predictions})["kind"] == kind


def test_a_candidate_of_nan_beside_a_sound_champion_still_has_a_page() -> None:
    one = evaluated(candidate=np.full(ROWS, np.nan), past=None)
    page = report_html(values(one))
    assert "rejected" in page
    assert "NaN" in page


def test_segments_have_their_difference_with_an_interval_around_it() -> None:
    segments = {one["segment"]: one for one in values(evaluated())["segments"]["carrier"]}
    assert segments.keys() == {"AA", "<b>UA</b>"}
    for name, one in segments.items():
        rows = name == SEGMENT
        delta = roc_auc_score(LABEL[rows], GOOD[rows]) - roc_auc_score(LABEL[rows], WORSE[rows])
        assert one["delta"] == pytest.approx(delta)
        assert one["low"] < one["delta"] < one["high"]


def test_a_version_stands_below_its_ancestors_with_every_slice_it_was_asked_about() -> None:
    found = values(evaluated(), ancestors=[Lineup(version=2, on={"w1": 0.8})])["forgetting"]
    assert [line["version"] for line in found] == [2, 3]
    assert found[0]["on"] == {"w1": 0.8}
    assert found[1]["on"].keys() == {"w1", "w2", "w3"}
    assert found[1]["on"]["w3"] == pytest.approx(roc_auc_score(LABEL, GOOD))
    assert found[1]["on"]["w1"] == pytest.approx(roc_auc_score(LABEL[:300], WORSE[:300]))


def test_the_page_says_who_refused_on_which_rows_and_shows_all_pictures() -> None:
    page = report_html(values(evaluated()))
    assert "NoForgetting" in page
    assert 'class="rejected">rejected' in page
    assert "they favour it" in page
    assert set(re.findall(r'<img alt="([^"]+)"', page)) == {"ROC", "Calibration", "By carrier", "Forgetting"}
    assert page.count("data:image/png;base64,iVBOR") == 4


def test_what_came_from_data_is_escaped_and_nothing_runs_or_loads() -> None:
    page = report_html(values(evaluated()))
    assert "<b>UA</b>" not in page
    assert "&lt;b&gt;UA&lt;/b&gt;" in page
    assert "<script" not in page
    assert "http" not in page.replace("http-equiv", "")


@pytest.mark.parametrize("dollars", ["over $5_$", "cost $x^$", r"$\alpha$", "$100 to $200"])
def test_dollars_in_a_column_or_a_segment_are_no_formula(dollars: str) -> None:
    segments = np.where(np.arange(ROWS) % 3 == 0, "AA", dollars)
    page = report_html(values(evaluated(segments={"carrier": SEGMENT, dollars: segments})))
    assert {"By carrier", f"By {dollars}"} <= set(re.findall(r'<img alt="([^"]+)"', page))


def test_a_first_version_is_shown_alone() -> None:
    page = report_html(values(evaluated(champion=None, past=None), champion=None))
    assert "no champion yet" in page
    assert "By carrier" in page


def test_numbers_have_a_calibration_and_classes_a_confusion() -> None:
    amounts = 10 * LABEL + draw.normal(0, 1, ROWS)
    numbers = evaluated(label=amounts, candidate=amounts + 0.1, champion=amounts + 1, past=None)
    assert set(re.findall(r'<img alt="([^"]+)"', report_html(values(numbers, "rmse")))) == {
        "Calibration",
        "By carrier",
    }
    shares = draw.dirichlet(np.ones(3), ROWS)
    classes = evaluated(label=np.arange(ROWS) % 3, candidate=shares, champion=shares, past=None)
    found = values(classes, "top1_accuracy")
    assert np.sum(found["curves"]["confusion"]["candidate"]) == ROWS
    assert 'alt="Confusion"' in report_html(found)


def test_the_page_says_what_a_person_has_to_look_at() -> None:
    noise = draw.random(ROWS)
    shown = evaluated(
        candidate=noise,
        champion=noise,
        past=None,
        slice=np.repeat("w3", ROWS),
        consumed=("w3",),
        usual={"auc": [0.8, 0.82, 0.81, 0.8]},
    )
    evaluation = evaluate_all([AtLeast("auc", 0.6)], shown)
    page = report_html(
        report_values(shown, evaluation, model="m", version=2, champion=1, metric="auc", ancestors=[])
    )
    assert re.search(r"In production, below its floor: auc 0\.\d+ is below 0\.600 on 600 rows", page)
    assert "Suspect, nothing trains on it: slice w3: the champion&#x27;s auc is" in page
    fine = evaluate_all([AtLeast("auc", 0.6)], evaluated(past=None))
    values = report_values(
        evaluated(past=None), fine, model="m", version=2, champion=1, metric="auc", ancestors=[]
    )
    assert "In production" not in report_html(values)
    old = {
        **values,
        "evaluation": {k: v for k, v in values["evaluation"].items() if k not in ("suspects", "below_floor")},
    }
    assert "Suspect, nothing" not in report_html(old), "a report that older code wrote"
