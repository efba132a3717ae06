"""Metrics of probabilities for two classes. Where a class is needed, p >= 0.5 predicts 1."""

from __future__ import annotations

import numpy as np

from ckpt_ops.evaluation.errors import UndefinedMetric
from ckpt_ops.evaluation.metrics.metric import FloatArray, Needs, OfCounts, of_rows
from ckpt_ops.evaluation.metrics.rows import checked, mean, mean_of, ratio, squared_error

PREDICTS_1 = 0.5


def log_loss(y: FloatArray, p: FloatArray) -> float:
    """Mean negative log-likelihood of the labels, in nats: -mean(y ln p + (1 - y) ln(1 - p)).

    Probabilities are kept 2.2e-16 away from 0 and 1, as scikit-learn's `log_loss` does
    (Good 1952, "Rational decisions"). `y` in {0, 1}, `p` in [0, 1].
    """
    y, p = checked("log_loss", Needs.PROBABILITIES, y, p)
    return mean(_row_log_loss, y, p)


def accuracy(y: FloatArray, p: FloatArray) -> float:
    """Share of rows whose class is right. `y` in {0, 1}, `p` in [0, 1]."""
    y, p = checked("accuracy", Needs.PROBABILITIES, y, p)
    return mean(_row_hit, y, p)


def brier(y: FloatArray, p: FloatArray) -> float:
    """Mean squared error of probabilities, mean((p - y)^2) (Brier 1950). `y` in {0, 1}, `p` in [0, 1]."""
    y, p = checked("brier", Needs.PROBABILITIES, y, p)
    return mean(squared_error, y, p)


def f1(y: FloatArray, p: FloatArray) -> float:
    """Harmonic mean of precision and recall of class 1, 2 TP / (2 TP + FP + FN) (van Rijsbergen 1979).

    `UndefinedMetric` where no label and no prediction is 1. `y` in {0, 1}, `p` in [0, 1].
    """
    y, p = checked("f1", Needs.PROBABILITIES, y, p)
    predicted = p >= PREDICTS_1
    positives = int(np.count_nonzero(y)) + int(np.count_nonzero(predicted))
    if not positives:
        raise UndefinedMetric(f"f1 needs a label or a prediction of 1, none of {y.size:,} rows has one")
    return 2 * int(np.count_nonzero(predicted & (y == 1))) / positives


def balanced_accuracy(y: FloatArray, p: FloatArray) -> float:
    """Mean of the recalls of both classes (Brodersen et al. 2010); one class for all rows: 0.5.

    `UndefinedMetric` with one class only. `y` in {0, 1}, `p` in [0, 1].
    """
    y, p = checked("balanced_accuracy", Needs.PROBABILITIES, y, p)
    predicted = p >= PREDICTS_1
    recalls = []
    for label in (0, 1):
        of_label = y == label
        if not of_label.any():
            raise UndefinedMetric(
                f"balanced_accuracy needs both classes, all {y.size:,} labels are {1 - label}"
            )
        recalls.append(float(np.mean(predicted[of_label] == label)))
    return sum(recalls) / 2


def _row_log_loss(y: FloatArray, p: FloatArray) -> FloatArray:
    epsilon = np.finfo(np.float64).eps
    p = np.clip(p, epsilon, 1 - epsilon)
    loss: FloatArray = -np.where(y == 1, np.log(p), np.log1p(-p))
    return loss


def _row_hit(y: FloatArray, p: FloatArray) -> FloatArray:
    hit: FloatArray = ((p >= PREDICTS_1) == (y == 1)).astype(np.float64)
    return hit


def _weighted_f1(y: FloatArray, p: FloatArray) -> OfCounts:
    predicted = (p >= PREDICTS_1).astype(np.float64)

    def of_counts(counts: FloatArray) -> FloatArray:
        return ratio(2 * (counts @ (predicted * y)), counts @ (predicted + y))

    return of_counts


def _weighted_balanced_accuracy(y: FloatArray, p: FloatArray) -> OfCounts:
    predicted = (p >= PREDICTS_1).astype(np.float64)

    def of_counts(counts: FloatArray) -> FloatArray:
        of_1 = ratio(counts @ (predicted * y), counts @ y)
        of_0 = ratio(counts @ ((1 - predicted) * (1 - y)), counts @ (1 - y))
        return (of_0 + of_1) / 2

    return of_counts


LOG_LOSS = of_rows(
    log_loss, higher_is_better=False, needs=Needs.PROBABILITIES, weighted=mean_of(_row_log_loss)
)
ACCURACY = of_rows(accuracy, higher_is_better=True, needs=Needs.PROBABILITIES, weighted=mean_of(_row_hit))
BRIER = of_rows(brier, higher_is_better=False, needs=Needs.PROBABILITIES, weighted=mean_of(squared_error))
F1 = of_rows(f1, higher_is_better=True, needs=Needs.PROBABILITIES, weighted=_weighted_f1)
BALANCED_ACCURACY = of_rows(
    balanced_accuracy,
    higher_is_better=True,
    needs=Needs.PROBABILITIES,
    weighted=_weighted_balanced_accuracy,
)
