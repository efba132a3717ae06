"""Metrics of how well scores put the positives before the negatives. Only the scores' order matters."""

from __future__ import annotations

import numpy as np

from ckpt_ops.evaluation.errors import UndefinedMetric
from ckpt_ops.evaluation.metrics.metric import FloatArray, Needs, OfCounts, Positions, of_rows
from ckpt_ops.evaluation.metrics.rows import blocks, checked, ratio


def auc(y: FloatArray, p: FloatArray) -> float:
    """Area under the ROC curve: how often a random positive scores above a random negative, a tie being half.

    From how many negatives each positive beats (Mann-Whitney U; Hanley & McNeil 1982,
    "The meaning and use of the area under a ROC curve"). No unit, 0 to 1. `y` in {0, 1}, `p` any finite
    score. `UndefinedMetric` with one class only.
    """
    y, p = checked("auc", Needs.SCORES, y, p)
    positives = int(y.sum())
    negatives = y.size - positives
    if not positives or not negatives:
        only = 1 if positives else 0
        raise UndefinedMetric(f"auc needs both classes, all {y.size:,} labels are {only}")
    winners, losers = np.sort(p[y == 1]), np.sort(p[y == 0])
    twice = 0  # a pair won counts 2, a tie 1: integers, which add up exactly
    for block in blocks(winners):
        twice += int(np.searchsorted(losers, block, "left").sum())
        twice += int(np.searchsorted(losers, block, "right").sum())
    return twice / 2 / (positives * negatives)


def average_precision(y: FloatArray, p: FloatArray) -> float:
    """Area under the precision-recall curve, by steps: the sum of (R_i - R_i-1) P_i over the distinct scores.

    No interpolation, which would flatter (Davis & Goadrich 2006, "The relationship between Precision-Recall
    and ROC curves"). 0 to 1; random scores get about the share of positives. `y` in {0, 1}, `p` any finite
    score. `UndefinedMetric` without a positive.
    """
    y, p = checked("average_precision", Needs.SCORES, y, p)
    if not y.any():
        raise UndefinedMetric(f"average_precision needs a label of 1, all {y.size:,} labels are 0")
    return float(_weighted_average_precision(y, p)(np.ones((1, y.size)))[0])


def _weighted_auc(y: FloatArray, p: FloatArray) -> OfCounts:
    order = rising(p)
    winners, losers = order[y[order] == 1], order[y[order] == 0]
    below, up_to = (np.searchsorted(p[losers], p[winners], side) for side in ("left", "right"))

    def of_counts(counts: FloatArray) -> FloatArray:
        positive = counts.take(winners, axis=1)
        negatives = np.zeros((len(counts), losers.size + 1))  # how many are among the first so many losers
        np.cumsum(counts.take(losers, axis=1), axis=1, out=negatives[:, 1:])
        # A pair won counts 2, a tie 1: whole numbers, which add up exactly.
        twice = negatives.take(below, axis=1)
        twice += negatives.take(up_to, axis=1)
        won = np.einsum("ij,ij->i", twice, positive) / 2
        return ratio(won, positive.sum(axis=1) * negatives[:, -1])

    return of_counts


def _weighted_average_precision(y: FloatArray, p: FloatArray) -> OfCounts:
    order, starts = ties(-p)
    is_positive = y[order]

    def of_counts(counts: FloatArray) -> FloatArray:
        drawn = counts[:, order]
        positive = drawn * is_positive
        if starts.size < p.size:
            drawn = np.add.reduceat(drawn, starts, axis=1)
            positive = np.add.reduceat(positive, starts, axis=1)
        found = np.cumsum(positive, axis=1)
        # Before the first row drawn there is no precision; nothing is found there either.
        precision = found / np.maximum(np.cumsum(drawn, axis=1), 1)
        return ratio(np.einsum("ij,ij->i", precision, positive), found[:, -1])

    return of_counts


def ties(p: FloatArray) -> tuple[Positions, Positions]:
    """An order of the rows by rising `p`, and where in it each distinct value starts."""
    order = rising(p)
    ordered = p[order]
    return order, np.flatnonzero(np.r_[True, ordered[1:] != ordered[:-1]])


def rising(p: FloatArray) -> Positions:
    """An order of the rows by rising `p`, equal ones as they come: as NumPy's stable sort, and faster.

    What models predict are numbers of 32 bits. Those and the row's number are one integer, and sorting
    integers needs no stable algorithm.
    """
    with np.errstate(over="ignore"):
        single = p.astype(np.float32) + np.float32(0)  # of the two zeros, which are equal, one
    if p.size >= 2**32 or not np.array_equal(single, p):
        return np.argsort(p, kind="stable")
    bits = single.view(np.uint32)
    keys = np.where(bits >> 31, ~bits, bits | np.uint32(1 << 31)).astype(np.uint64)
    keys <<= np.uint64(32)
    keys |= np.arange(p.size, dtype=np.uint64)
    keys.sort()
    keys &= np.uint64(2**32 - 1)
    return keys.view(np.intp)


AUC = of_rows(auc, higher_is_better=True, needs=Needs.SCORES, weighted=_weighted_auc)
AVERAGE_PRECISION = of_rows(
    average_precision, higher_is_better=True, needs=Needs.SCORES, weighted=_weighted_average_precision
)
