"""Metrics of k classes' probabilities, shape (n, k). The predicted class is the first of the likeliest."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from ckpt_ops.evaluation.errors import UndefinedMetric
from ckpt_ops.evaluation.metrics.metric import FloatArray, Needs, OfCounts, Positions, of_rows
from ckpt_ops.evaluation.metrics.rows import checked, mean, mean_of


def top1_accuracy(y: FloatArray, p: FloatArray) -> float:
    """Share of rows whose label is the predicted class. Labels 0 to k - 1."""
    y, p = checked("top1_accuracy", Needs.CLASSES, y, p)
    return mean(_among_first(1), y, p)


def top5_accuracy(y: FloatArray, p: FloatArray) -> float:
    """Share of rows whose label is among the five likeliest classes, the first of equals.

    `UndefinedMetric` with five classes or fewer, where nothing could be wrong.
    """
    y, p = checked("top5_accuracy", Needs.CLASSES, y, p)
    if p.shape[1] <= 5:
        raise UndefinedMetric(f"top5_accuracy needs more than 5 classes, there are {p.shape[1]}")
    return mean(_among_first(5), y, p)


def cross_entropy(y: FloatArray, p: FloatArray) -> float:
    """Mean negative log-probability of the label, in nats: -mean(ln p[label]).

    Probabilities are kept 2.2e-16 away from 0 and 1, as in `log_loss`, which this equals for two classes.
    """
    y, p = checked("cross_entropy", Needs.CLASSES, y, p)
    return mean(_row_cross_entropy, y, p)


def macro_f1(y: FloatArray, p: FloatArray) -> float:
    """Mean of the classes' F1, 2 TP / (2 TP + FP + FN), each class counting alike, however rare.

    Over the classes that are a label or a prediction of some row; the others have no F1.
    (Sokolova & Lapalme 2009, "A systematic analysis of performance measures for classification tasks".)
    """
    y, p = checked("macro_f1", Needs.CLASSES, y, p)
    return float(_weighted_macro_f1(y, p)(np.ones((1, y.size)))[0])


def _among_first(count: int) -> Callable[[FloatArray, FloatArray], FloatArray]:
    def hit(y: FloatArray, p: FloatArray) -> FloatArray:
        label = y.astype(np.intp)[:, None]
        of_label = np.take_along_axis(p, label, axis=1)
        before = (p > of_label) | ((p == of_label) & (np.arange(p.shape[1]) < label))
        found: FloatArray = (before.sum(axis=1) < count).astype(np.float64)
        return found

    return hit


def _row_cross_entropy(y: FloatArray, p: FloatArray) -> FloatArray:
    epsilon = np.finfo(np.float64).eps
    of_label = np.take_along_axis(p, y.astype(np.intp)[:, None], axis=1)[:, 0]
    loss: FloatArray = -np.log(np.clip(of_label, epsilon, 1 - epsilon))
    return loss


def _weighted_macro_f1(y: FloatArray, p: FloatArray) -> OfCounts:
    label, predicted = y.astype(np.intp), np.argmax(p, axis=1)
    is_hit = (label == predicted).astype(np.float64)
    of_label, of_predicted = _sums_by_class(label, p.shape[1]), _sums_by_class(predicted, p.shape[1])

    def of_counts(counts: FloatArray) -> FloatArray:
        hits = of_label(counts * is_hit)
        rows = of_label(counts) + of_predicted(counts)
        f1 = np.divide(2 * hits, rows, out=np.zeros_like(rows), where=rows > 0)
        found: FloatArray = f1.sum(axis=1) / np.count_nonzero(rows, axis=1)
        return found

    return of_counts


def _sums_by_class(classes: Positions, count: int) -> Callable[[FloatArray], FloatArray]:
    """Sums (resamples, n) over the rows of each class, (resamples, count), without a matrix of n by count."""
    order = np.argsort(classes, kind="stable")
    there, starts = np.unique(classes[order], return_index=True)

    def sums(counts: FloatArray) -> FloatArray:
        found = np.zeros((len(counts), count))
        found[:, there] = np.add.reduceat(counts[:, order], starts, axis=1)
        return found

    return sums


TOP1_ACCURACY = of_rows(
    top1_accuracy, higher_is_better=True, needs=Needs.CLASSES, weighted=mean_of(_among_first(1))
)
TOP5_ACCURACY = of_rows(
    top5_accuracy, higher_is_better=True, needs=Needs.CLASSES, weighted=mean_of(_among_first(5))
)
CROSS_ENTROPY = of_rows(
    cross_entropy, higher_is_better=False, needs=Needs.CLASSES, weighted=mean_of(_row_cross_entropy)
)
MACRO_F1 = of_rows(macro_f1, higher_is_better=True, needs=Needs.CLASSES, weighted=_weighted_macro_f1)
