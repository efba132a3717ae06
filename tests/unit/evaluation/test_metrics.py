"""Each metric equals the formula's reference, and says so when it has no value."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn import metrics as sklearn_metrics

from ckpt_ops.errors import BadInput, TerminalError
from ckpt_ops.evaluation import METRICS, UndefinedMetric, UnusablePredictions, metric_named

REFERENCES = {
    "auc": sklearn_metrics.roc_auc_score,
    "log_loss": lambda y, p: sklearn_metrics.log_loss(y, p, labels=[0, 1]),
    "accuracy": lambda y, p: sklearn_metrics.accuracy_score(y, p >= 0.5),
    "brier": sklearn_metrics.brier_score_loss,
    "rmse": sklearn_metrics.root_mean_squared_error,
    "mae": sklearn_metrics.mean_absolute_error,
}


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
    assert set(REFERENCES) == set(METRICS)
    assert all(metric.name == name for name, metric in METRICS.items())


@pytest.mark.parametrize("name", METRICS)
@settings(max_examples=60, deadline=None)
@given(rows=both_classes())
def test_equals_scikit_learn_also_with_ties(name, rows):
    y, p = rows
    assert METRICS[name](y, p) == pytest.approx(REFERENCES[name](y, p), rel=1e-12, abs=1e-12)


@pytest.mark.parametrize("name", METRICS)
@settings(max_examples=40, deadline=None)
@given(rows=both_classes(), data=st.data())
def test_a_row_that_counts_twice_is_a_row_written_twice(name, rows, data):
    y, p = rows
    counts = np.array(data.draw(st.lists(st.integers(1, 3), min_size=y.size, max_size=y.size)))
    weighted = METRICS[name].weighted(y, p)(counts[None, :].astype(float))
    written_out = METRICS[name](np.repeat(y, counts), np.repeat(p, counts))
    assert weighted[0] == pytest.approx(written_out, rel=1e-12, abs=1e-12)


@given(rows=both_classes())
def test_auc_only_sees_the_order_of_the_scores(rows):
    y, p = rows
    assert METRICS["auc"](y, np.exp(3 * p) - 7) == METRICS["auc"](y, p)


@given(rows=both_classes())
def test_auc_of_turned_scores_is_the_rest_to_one(rows):
    y, p = rows
    assert METRICS["auc"](y, -p) == pytest.approx(1 - METRICS["auc"](y, p))


@pytest.mark.parametrize("name", METRICS)
def test_nan_predictions_are_an_error_that_counts_them(name):
    p = np.array([0.1, np.nan, np.nan, 0.4])
    with pytest.raises(UnusablePredictions, match="2 of 4 predictions are NaN or infinite"):
        METRICS[name](np.array([0.0, 1.0, 0.0, 1.0]), p)


@pytest.mark.parametrize(("label", "said"), [(0.0, "labels are 0"), (1.0, "labels are 1")])
def test_auc_of_one_class_is_undefined_and_says_which(label, said):
    with pytest.raises(UndefinedMetric, match=f"all 3 {said}") as raised:
        METRICS["auc"](np.full(3, label), np.array([0.1, 0.2, 0.3]))
    assert isinstance(raised.value, TerminalError)


@pytest.mark.parametrize("name", METRICS)
def test_no_rows_is_undefined(name):
    with pytest.raises(UndefinedMetric, match="needs rows"):
        METRICS[name](np.array([]), np.array([]))


@pytest.mark.parametrize("name", ["log_loss", "accuracy", "brier"])
def test_probabilities_outside_0_to_1_are_refused_with_their_number(name):
    with pytest.raises(UnusablePredictions, match="1 of 2 predictions lie outside"):
        METRICS[name](np.array([0.0, 1.0]), np.array([0.2, 3.7]))


@pytest.mark.parametrize("name", ["auc", "log_loss", "accuracy", "brier"])
def test_a_classification_metric_on_regression_labels_is_undefined(name):
    with pytest.raises(UndefinedMetric, match="labels 0 or 1, 1 of 2 are neither"):
        METRICS[name](np.array([0.0, 12.5]), np.array([0.2, 0.7]))


@pytest.mark.parametrize("shape", [(2, 1), (3,)])
def test_shapes_must_be_one_and_the_same(shape):
    with pytest.raises(BadInput, match="one and the same shape"):
        METRICS["rmse"](np.zeros(2), np.zeros(shape))


def test_a_certain_and_wrong_prediction_has_a_finite_log_loss():
    assert METRICS["log_loss"](np.array([1.0]), np.array([0.0])) == pytest.approx(36.04, abs=0.01)


def test_an_unknown_metric_is_refused_with_the_known_ones():
    with pytest.raises(BadInput, match="metric='f1' is not allowed: expected one of auc, log_loss, accuracy"):
        metric_named("f1")


def test_improvement_is_positive_for_the_better_in_either_direction():
    assert METRICS["auc"].improvement(0.01) > 0
    assert METRICS["log_loss"].improvement(-0.01) > 0
