"""Each metric equals the formula's reference, and says so when it has no value."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn import metrics as sklearn_metrics

from ckpt_ops.errors import BadInput, TerminalError
from ckpt_ops.evaluation import METRICS, Needs, UndefinedMetric, UnusablePredictions, metric_named
from ckpt_ops.evaluation.metrics.ordering import rising

REFERENCES = {
    "auc": sklearn_metrics.roc_auc_score,
    "log_loss": lambda y, p: sklearn_metrics.log_loss(y, p, labels=[0, 1]),
    "accuracy": lambda y, p: sklearn_metrics.accuracy_score(y, p >= 0.5),
    "brier": sklearn_metrics.brier_score_loss,
    "rmse": sklearn_metrics.root_mean_squared_error,
    "mae": sklearn_metrics.mean_absolute_error,
    "average_precision": sklearn_metrics.average_precision_score,
    "f1": lambda y, p: sklearn_metrics.f1_score(y, p >= 0.5),
    "balanced_accuracy": lambda y, p: sklearn_metrics.balanced_accuracy_score(y, p >= 0.5),
    "r2": sklearn_metrics.r2_score,
}
ONE_NUMBER = [name for name, metric in METRICS.items() if metric.needs not in {Needs.CLASSES, Needs.GROUPS}]
"""Metrics of one prediction a row; the others have test modules of their own."""


@st.composite
def both_classes(draw: st.DrawFn) -> tuple[np.ndarray, np.ndarray]:
    """Labels of both classes and probabilities on a coarse grid, so that ties are the rule."""
    size = draw(st.integers(2, 60))
    grid = draw(st.integers(1, 12))
    labels = draw(
        st.lists(st.integers(0, 1), min_size=size, max_size=size).filter(lambda y: len(set(y)) == 2)
    )
    steps = draw(st.lists(st.integers(0, grid), min_size=size, max_size=size))
    return np.array(labels, dtype=float), np.array(steps) / grid


def test_every_metric_has_a_reference_and_its_own_name():
    assert set(REFERENCES) == set(ONE_NUMBER) - {"ece"}  # which test_calibration_metric checks
    assert all(metric.name == name for name, metric in METRICS.items())


@pytest.mark.parametrize("name", REFERENCES)
@settings(max_examples=60, deadline=None)
@given(rows=both_classes())
def test_equals_scikit_learn_also_with_ties(name, rows):
    y, p = rows
    assert METRICS[name](y, p) == pytest.approx(REFERENCES[name](y, p), rel=1e-12, abs=1e-12)


@pytest.mark.parametrize("name", ONE_NUMBER)
@settings(max_examples=40, deadline=None)
@given(rows=both_classes(), data=st.data())
def test_a_row_that_counts_twice_is_a_row_written_twice(name, rows, data):
    y, p = rows
    counts = np.array(data.draw(st.lists(st.integers(1, 3), min_size=y.size, max_size=y.size)))
    weighted = METRICS[name].weighted(y, p)(counts[None, :].astype(float))
    written_out = METRICS[name](np.repeat(y, counts), np.repeat(p, counts))
    assert weighted[0] == pytest.approx(written_out, rel=1e-12, abs=1e-12)


@settings(deadline=None)
@given(rows=both_classes())
def test_auc_only_sees_the_order_of_the_scores(rows):
    y, p = rows
    assert METRICS["auc"](y, np.exp(3 * p) - 7) == METRICS["auc"](y, p)


@settings(deadline=None)
@given(rows=both_classes())
def test_auc_of_turned_scores_is_the_rest_to_one(rows):
    y, p = rows
    assert METRICS["auc"](y, -p) == pytest.approx(1 - METRICS["auc"](y, p))


@pytest.mark.parametrize("name", ONE_NUMBER)
def test_nan_predictions_are_an_error_that_counts_them(name):
    p = np.array([0.1, np.nan, np.nan, 0.4])
    with pytest.raises(UnusablePredictions, match="2 of 4 predictions are NaN or infinite"):
        METRICS[name](np.array([0.0, 1.0, 0.0, 1.0]), p)


@pytest.mark.parametrize(("label", "said"), [(0.0, "labels are 0"), (1.0, "labels are 1")])
@pytest.mark.parametrize("name", ["auc", "balanced_accuracy"])
def test_a_metric_of_two_classes_is_undefined_with_one_and_says_which(name, label, said):
    with pytest.raises(UndefinedMetric, match=f"all 3 {said}") as raised:
        METRICS[name](np.full(3, label), np.array([0.1, 0.2, 0.3]))
    assert isinstance(raised.value, TerminalError)


@pytest.mark.parametrize("name", ONE_NUMBER)
def test_no_rows_is_undefined(name):
    with pytest.raises(UndefinedMetric, match="needs rows"):
        METRICS[name](np.array([]), np.array([]))


@pytest.mark.parametrize("name", ["log_loss", "accuracy", "brier", "f1", "balanced_accuracy", "ece"])
def test_probabilities_outside_0_to_1_are_refused_with_their_number(name):
    with pytest.raises(UnusablePredictions, match="1 of 2 predictions lie outside"):
        METRICS[name](np.array([0.0, 1.0]), np.array([0.2, 3.7]))


@pytest.mark.parametrize("name", [name for name in ONE_NUMBER if name not in {"rmse", "mae", "r2"}])
def test_a_classification_metric_on_regression_labels_is_undefined(name):
    with pytest.raises(UndefinedMetric, match="labels 0 or 1, 1 of 2 are neither"):
        METRICS[name](np.array([0.0, 12.5]), np.array([0.2, 0.7]))


@pytest.mark.parametrize("shape", [(2, 1), (3,)])
def test_shapes_must_be_one_and_the_same(shape):
    with pytest.raises(BadInput, match="of the same shape"):
        METRICS["rmse"](np.zeros(2), np.zeros(shape))


def test_a_certain_and_wrong_prediction_has_a_finite_log_loss():
    assert METRICS["log_loss"](np.array([1.0]), np.array([0.0])) == pytest.approx(36.04, abs=0.01)


def test_an_unknown_metric_is_refused_with_the_known_ones():
    with pytest.raises(
        BadInput, match="metric='lift' is not allowed: expected one of auc, log_loss, accuracy"
    ):
        metric_named("lift")


def test_improvement_is_positive_for_the_better_in_either_direction():
    assert METRICS["auc"].improvement(0.01) > 0
    assert METRICS["log_loss"].improvement(-0.01) > 0


def test_without_a_positive_there_is_nothing_to_find():
    with pytest.raises(UndefinedMetric, match="needs a label of 1, all 3 labels are 0"):
        METRICS["average_precision"](np.zeros(3), np.array([0.1, 0.2, 0.3]))
    with pytest.raises(UndefinedMetric, match="none of 3 rows has one"):
        METRICS["f1"](np.zeros(3), np.array([0.1, 0.2, 0.3]))
    assert METRICS["f1"](np.zeros(3), np.array([0.1, 0.2, 0.7])) == 0


@settings(deadline=None)
@given(rows=both_classes())
def test_average_precision_only_sees_the_order_of_the_scores(rows):
    y, p = rows
    found = METRICS["average_precision"](y, p)
    assert METRICS["average_precision"](y, np.exp(3 * p) - 7) == found
    assert METRICS["average_precision"](y[::-1], p[::-1]) == pytest.approx(found, rel=1e-12)


@pytest.mark.parametrize("label", [0.0, 0.1, -3e-300, 1e300])
def test_r2_of_labels_that_do_not_differ_is_undefined(label):
    with pytest.raises(UndefinedMetric, match="labels that differ, all 7"):
        METRICS["r2"](np.full(7, label), np.linspace(0, 1, 7))
    counts = np.array([[5.0, 0, 0], [2, 2, 1]])  # the first resample drew one row only
    resampled = METRICS["r2"].weighted(np.array([0.1, 0.2, 0.7]), np.array([0.1, 0.3, 0.5]))(counts)
    assert np.isnan(resampled[0])
    assert np.isfinite(resampled[1])


@pytest.mark.filterwarnings("ignore:overflow")
def test_what_is_too_large_to_be_squared_is_no_number():
    with pytest.raises(UndefinedMetric, match="is not finite"):
        METRICS["rmse"](np.array([1e300, 0]), np.array([-1e300, 0]))


@pytest.mark.parametrize("name", ONE_NUMBER)
def test_a_metric_of_one_number_is_undefined_on_class_probabilities(name):
    with pytest.raises(
        UndefinedMetric, match=f"{name} needs one prediction per row, there are 3, one per class"
    ):
        METRICS[name](np.array([0.0, 1.0]), np.full((2, 3), 1 / 3))


finite = {"allow_nan": False, "allow_infinity": False}
few = st.sampled_from([0.0, -0.0, 1.0, -1.0, 5e-324, -1e-45, 1e-45, 3.4e38, -3.4e38])


@settings(max_examples=300, deadline=None)
@given(
    st.lists(few, max_size=60)
    | st.lists(few | st.floats(width=32, **finite), max_size=60)
    | st.lists(st.floats(**finite), max_size=60)
)
def test_rows_are_ordered_as_by_a_stable_sort(scores: list[float]) -> None:
    p = np.array(scores, np.float64)
    np.testing.assert_array_equal(rising(p), np.argsort(p, kind="stable"))
