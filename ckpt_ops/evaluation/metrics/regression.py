"""Metrics of predicted numbers."""

from __future__ import annotations

import math

import numpy as np

from ckpt_ops.evaluation.errors import UndefinedMetric
from ckpt_ops.evaluation.metrics.metric import FloatArray, Needs, OfCounts, of_rows
from ckpt_ops.evaluation.metrics.rows import checked, mean, mean_of, ratio, squared_error

ALIKE = 1e-12
"""Squared distances from a mean do not add up exactly: below this share of what they could be, they are 0."""


def rmse(y: FloatArray, p: FloatArray) -> float:
    """Root of the mean squared error, sqrt(mean((p - y)^2)), in the label's unit."""
    y, p = checked("rmse", Needs.NUMBERS, y, p)
    return math.sqrt(mean(squared_error, y, p))


def mae(y: FloatArray, p: FloatArray) -> float:
    """Mean absolute error, mean(|p - y|), in the label's unit."""
    y, p = checked("mae", Needs.NUMBERS, y, p)
    return mean(_absolute_error, y, p)


def r2(y: FloatArray, p: FloatArray) -> float:
    """Share of the labels' variance that is explained, 1 - sum((y - p)^2) / sum((y - mean y)^2).

    The coefficient of determination (Wright 1921): 1 at best, 0 for the mean of the labels, without a lower
    bound. `UndefinedMetric` where all labels are alike.
    """
    y, p = checked("r2", Needs.NUMBERS, y, p)
    spread = 0.0 if np.ptp(y) == 0 else float(np.square(y - y.mean()).sum())
    if not spread:
        raise UndefinedMetric(f"r2 needs labels that differ, all {y.size:,} are {y[0]:g}")
    return 1 - mean(squared_error, y, p) * y.size / spread


def _absolute_error(y: FloatArray, p: FloatArray) -> FloatArray:
    return np.abs(p - y)


def _weighted_r2(y: FloatArray, p: FloatArray) -> OfCounts:
    centred = y - y.mean()
    error, square = squared_error(y, p), centred * centred

    def of_counts(counts: FloatArray) -> FloatArray:
        raw = counts @ square
        spread = raw - np.square(counts @ centred) / counts.sum(axis=1)
        spread[spread <= ALIKE * raw] = 0
        return 1 - ratio(counts @ error, spread)

    return of_counts


RMSE = of_rows(rmse, higher_is_better=False, needs=Needs.NUMBERS, weighted=mean_of(squared_error, root=True))
MAE = of_rows(mae, higher_is_better=False, needs=Needs.NUMBERS, weighted=mean_of(_absolute_error))
R2 = of_rows(r2, higher_is_better=True, needs=Needs.NUMBERS, weighted=_weighted_r2)
