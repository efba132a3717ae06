"""Metrics of several classes equal scikit-learn's, and say so when they have no value."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn import metrics as sklearn_metrics

from ckpt_ops.evaluation import METRICS, Needs, UndefinedMetric, UnusablePredictions

NAMES = [name for name, metric in METRICS.items() if metric.needs is Needs.CLASSES]


@st.composite
def several_classes(draw: st.DrawFn) -> tuple[np.ndarray, np.ndarray]:
    """Labels of 6 to 8 classes and probabilities on a coarse grid, so that ties are the rule."""
    classes, size = draw(st.integers(6, 8)), draw(st.integers(1, 25))
    labels = draw(st.lists(st.integers(0, classes - 1), min_size=size, max_size=size))
    row = st.lists(st.integers(0, 3), min_size=classes, max_size=classes).filter(any)
    scores = np.array(draw(st.lists(row, min_size=size, max_size=size)), dtype=float)
    return np.array(labels, dtype=float), scores / scores.sum(axis=1, keepdims=True)


def turned(y: np.ndarray, p: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The classes in reverse: scikit-learn gives ties of top-k to the last class, we to the first."""
    return p.shape[1] - 1 - y, p[:, ::-1]


def top_k(k: int):
    def reference(y: np.ndarray, p: np.ndarray) -> float:
        label, score = turned(y, p)
        return sklearn_metrics.top_k_accuracy_score(label, score, k=k, labels=range(p.shape[1]))

    return reference


REFERENCES = {
    "top1_accuracy": top_k(1),
    "top5_accuracy": top_k(5),
    "cross_entropy": lambda y, p: sklearn_metrics.log_loss(y, p, labels=range(p.shape[1])),
    "macro_f1": lambda y, p: sklearn_metrics.f1_score(y, p.argmax(axis=1), average="macro"),
}


@pytest.mark.parametrize("name", NAMES)
@settings(max_examples=60, deadline=None)
@given(rows=several_classes())
def test_equals_scikit_learn_also_with_ties(name, rows):
    assert METRICS[name](*rows) == pytest.approx(REFERENCES[name](*rows), rel=1e-9, abs=1e-12)


@pytest.mark.parametrize("name", NAMES)
@settings(max_examples=40, deadline=None)
@given(rows=several_classes(), data=st.data())
def test_a_row_counts_as_often_as_it_is_drawn(name, rows, data):
    y, p = rows
    counts = np.array(data.draw(st.lists(st.integers(0, 3), min_size=y.size, max_size=y.size).filter(any)))
    weighted = METRICS[name].weighted(y, p)(counts[None, :].astype(float))
    written_out = METRICS[name](np.repeat(y, counts), np.repeat(p, counts, axis=0))
    assert weighted[0] == pytest.approx(written_out, rel=1e-12, abs=1e-12)


@settings(deadline=None)
@given(labels=st.lists(st.integers(0, 1), min_size=1, max_size=20), data=st.data())
def test_two_classes_are_the_binary_case(labels, data):
    y = np.array(labels, dtype=float)
    p = np.array(data.draw(st.lists(st.floats(0, 1), min_size=y.size, max_size=y.size)))
    both = np.column_stack([1 - p, p])
    assert METRICS["cross_entropy"](y, both) == pytest.approx(METRICS["log_loss"](y, p), rel=1e-9, abs=1e-9)


@pytest.mark.parametrize("name", NAMES)
def test_what_no_class_metric_can_judge_says_so(name):
    metric, even = METRICS[name], np.full((2, 8), 1 / 8)
    with pytest.raises(
        UndefinedMetric, match="probabilities of several classes, there is one number per row"
    ):
        metric(np.array([0.0, 1.0]), np.array([0.2, 0.7]))
    with pytest.raises(UndefinedMetric, match="labels from 0 to 7, 1 of 2 are not such a class"):
        metric(np.array([0.0, 8.0]), even)
    with pytest.raises(UndefinedMetric, match="1 of 2 are not such a class"):
        metric(np.array([0.0, 1.5]), even)
    with pytest.raises(UnusablePredictions, match="sum to 1, those of 2 of 2 rows do not"):
        metric(np.array([0.0, 1.0]), even * 2)
    with pytest.raises(UnusablePredictions, match="2 of 2 predictions lie outside"):
        metric(np.array([0.0, 1.0]), even - 1)
    with pytest.raises(UnusablePredictions, match="1 of 2 predictions are NaN"):
        metric(np.array([0.0, 1.0]), np.vstack([even[0], np.full(8, np.nan)]))
    with pytest.raises(UndefinedMetric, match="needs rows"):
        metric(np.empty(0), np.empty((0, 8)))


def test_top5_of_five_classes_could_not_be_wrong():
    with pytest.raises(UndefinedMetric, match="more than 5 classes, there are 5"):
        METRICS["top5_accuracy"](np.array([0.0]), np.full((1, 5), 0.2))


def test_probabilities_as_float16_has_them_are_accepted():
    p = np.full((1, 7), 1 / 7).astype(np.float16).astype(np.float64)
    assert p.sum() != 1
    assert METRICS["cross_entropy"](np.array([3.0]), p) == pytest.approx(np.log(7), abs=1e-3)
