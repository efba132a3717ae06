"""The metrics a gate can name, each defined once.

A metric takes labels `y` and predictions `p`, float64 of shape (n,), and returns a float. Each also has a
`weighted` form, which prepares what does not change between resamples (the sort of the AUC, the loss of each
row) and then takes many resamples at once: that is what makes a bootstrap affordable.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from enum import Enum
from types import MappingProxyType

import numpy as np
import numpy.typing as npt

from ckpt_ops.errors import BadInput
from ckpt_ops.evaluation.errors import UndefinedMetric, UnusablePredictions

FloatArray = npt.NDArray[np.float64]
MetricFunction = Callable[[FloatArray, FloatArray], float]
OfCounts = Callable[[FloatArray], FloatArray]
"""Takes how often each row is drawn, (resamples, n); returns the metric of each resample, (resamples,)."""


_BLOCK = 2**18


class Needs(Enum):
    """What a metric is defined on."""

    SCORES = "labels 0 or 1, any finite scores"
    PROBABILITIES = "labels 0 or 1, probabilities from 0 to 1"
    NUMBERS = "any finite labels and predictions"


@dataclass(frozen=True, kw_only=True)
class Metric:
    """A metric by name.

    Attributes:
        name: as gates, policies and records write it.
        function: labels (n,) and predictions (n,) to a float, or `UndefinedMetric`, `UnusablePredictions`.
        higher_is_better: the direction of quality.
        needs: what labels and predictions have to be.
        weighted: the same metric over many resamples; expects arrays that `function` accepted.
    """

    name: str
    function: MetricFunction
    higher_is_better: bool
    needs: Needs
    weighted: Callable[[FloatArray, FloatArray], OfCounts]

    def __call__(self, y: FloatArray, p: FloatArray) -> float:
        return self.function(y, p)

    def improvement(self, delta: float) -> float:
        """A difference turned so that a positive one is always the better."""
        return delta if self.higher_is_better else -delta


def auc(y: FloatArray, p: FloatArray) -> float:
    """Area under the ROC curve: how often a random positive scores above a random negative, a tie being half.

    From how many negatives each positive beats (Mann-Whitney U; Hanley & McNeil 1982,
    "The meaning and use of the area under a ROC curve"). No unit, 0 to 1. `y` in {0, 1}, `p` any finite
    score. With one class only it is not a number: `UndefinedMetric`.
    """
    y, p = _checked("auc", Needs.SCORES, y, p)
    positives = int(y.sum())
    negatives = y.size - positives
    if not positives or not negatives:
        only = 1 if positives else 0
        raise UndefinedMetric(f"auc needs both classes, all {y.size:,} labels are {only}")
    winners, losers = np.sort(p[y == 1]), np.sort(p[y == 0])
    twice = 0  # a pair won counts 2, a tie 1: integers, which add up exactly
    for block in _blocks(winners):
        twice += int(np.searchsorted(losers, block, "left").sum())
        twice += int(np.searchsorted(losers, block, "right").sum())
    return twice / 2 / (positives * negatives)


def log_loss(y: FloatArray, p: FloatArray) -> float:
    """Mean negative log-likelihood of the labels, in nats: -mean(y ln p + (1 - y) ln(1 - p)).

    Probabilities are kept 2.2e-16 away from 0 and 1, as scikit-learn's `log_loss` does
    (Good 1952, "Rational decisions"). `y` in {0, 1}, `p` in [0, 1].
    """
    y, p = _checked("log_loss", Needs.PROBABILITIES, y, p)
    return _mean(_row_log_loss, y, p)


def accuracy(y: FloatArray, p: FloatArray) -> float:
    """Share of rows whose class is right, where p >= 0.5 predicts 1. `y` in {0, 1}, `p` in [0, 1]."""
    y, p = _checked("accuracy", Needs.PROBABILITIES, y, p)
    return _mean(_row_hit, y, p)


def brier(y: FloatArray, p: FloatArray) -> float:
    """Mean squared error of probabilities, mean((p - y)^2) (Brier 1950). `y` in {0, 1}, `p` in [0, 1]."""
    y, p = _checked("brier", Needs.PROBABILITIES, y, p)
    return _mean(_row_squared_error, y, p)


def rmse(y: FloatArray, p: FloatArray) -> float:
    """Root of the mean squared error, sqrt(mean((p - y)^2)), in the label's unit."""
    y, p = _checked("rmse", Needs.NUMBERS, y, p)
    return math.sqrt(_mean(_row_squared_error, y, p))


def mae(y: FloatArray, p: FloatArray) -> float:
    """Mean absolute error, mean(|p - y|), in the label's unit."""
    y, p = _checked("mae", Needs.NUMBERS, y, p)
    return _mean(_row_absolute_error, y, p)


def metric_named(name: object, *, field: str = "metric") -> Metric:
    """The metric of that name; `BadInput` lists the known ones."""
    found = METRICS.get(name) if isinstance(name, str) else None
    if found is None:
        raise BadInput(field, name, f"one of {', '.join(METRICS)}")
    return found


def _checked(name: str, needs: Needs, y: FloatArray, p: FloatArray) -> tuple[FloatArray, FloatArray]:
    y, p = np.asarray(y, dtype=np.float64), np.asarray(p, dtype=np.float64)
    if y.ndim != 1 or y.shape != p.shape:
        raise BadInput("shapes", (y.shape, p.shape), "labels and predictions of one and the same shape (n,)")
    if not y.size:
        raise UndefinedMetric(f"{name} needs rows, there are none")
    for what, values in (("labels", y), ("predictions", p)):
        not_numbers = int(np.count_nonzero(~np.isfinite(values)))
        if not_numbers:
            raise UnusablePredictions(f"{not_numbers:,} of {y.size:,} {what} are NaN or infinite")
    if needs is not Needs.NUMBERS:
        others = int(np.count_nonzero((y != 0) & (y != 1)))
        if others:
            raise UndefinedMetric(f"{name} needs labels 0 or 1, {others:,} of {y.size:,} are neither")
    if needs is Needs.PROBABILITIES:
        outside = int(np.count_nonzero((p < 0) | (p > 1)))
        if outside:
            raise UnusablePredictions(
                f"{name} needs probabilities from 0 to 1, {outside:,} of {y.size:,} predictions lie outside"
            )
    return y, p


def _blocks(values: FloatArray) -> Iterator[FloatArray]:
    """The values in turn: what is worked out of each need not be held for all at once."""
    for start in range(0, values.size, _BLOCK):
        yield values[start : start + _BLOCK]


def _mean(per_row: Callable[[FloatArray, FloatArray], FloatArray], y: FloatArray, p: FloatArray) -> float:
    """The mean of `per_row` over all rows."""
    sums = (per_row(*block).sum() for block in zip(_blocks(y), _blocks(p), strict=True))
    return math.fsum(sums) / y.size


def _row_log_loss(y: FloatArray, p: FloatArray) -> FloatArray:
    epsilon = np.finfo(np.float64).eps
    p = np.clip(p, epsilon, 1 - epsilon)
    loss: FloatArray = -np.where(y == 1, np.log(p), np.log1p(-p))
    return loss


def _row_hit(y: FloatArray, p: FloatArray) -> FloatArray:
    hit: FloatArray = ((p >= 0.5) == (y == 1)).astype(np.float64)
    return hit


def _row_squared_error(y: FloatArray, p: FloatArray) -> FloatArray:
    error: FloatArray = p - y
    return error * error


def _row_absolute_error(y: FloatArray, p: FloatArray) -> FloatArray:
    return np.abs(p - y)


def _mean_of(
    per_row: Callable[[FloatArray, FloatArray], FloatArray], *, root: bool = False
) -> Callable[[FloatArray, FloatArray], OfCounts]:
    def prepare(y: FloatArray, p: FloatArray) -> OfCounts:
        loss = per_row(y, p)

        def of_counts(counts: FloatArray) -> FloatArray:
            mean: FloatArray = counts @ loss / counts.sum(axis=1)
            if root:
                np.sqrt(mean, out=mean)
            return mean

        return of_counts

    return prepare


def _weighted_auc(y: FloatArray, p: FloatArray) -> OfCounts:
    order = np.argsort(p, kind="stable")
    ordered = p[order]
    group_starts = np.flatnonzero(np.r_[True, ordered[1:] != ordered[:-1]])
    has_ties = group_starts.size < p.size
    is_positive = y[order]

    def of_counts(counts: FloatArray) -> FloatArray:
        drawn = counts[:, order]
        positive = drawn * is_positive
        negative = drawn - positive
        if has_ties:
            positive = np.add.reduceat(positive, group_starts, axis=1)
            negative = np.add.reduceat(negative, group_starts, axis=1)
        # A pair won counts 1, a tie 1/2: all negatives up to and with the group, less half of the group's.
        beaten = np.cumsum(negative, axis=1) - 0.5 * negative
        won = np.einsum("ij,ij->i", beaten, positive)
        pairs = positive.sum(axis=1) * negative.sum(axis=1)
        value: FloatArray = np.divide(won, pairs, out=np.full_like(won, np.nan), where=pairs > 0)
        return value

    return of_counts


METRICS: Mapping[str, Metric] = MappingProxyType(
    {
        metric.name: metric
        for metric in (
            Metric(
                name="auc",
                function=auc,
                higher_is_better=True,
                needs=Needs.SCORES,
                weighted=_weighted_auc,
            ),
            Metric(
                name="log_loss",
                function=log_loss,
                higher_is_better=False,
                needs=Needs.PROBABILITIES,
                weighted=_mean_of(_row_log_loss),
            ),
            Metric(
                name="accuracy",
                function=accuracy,
                higher_is_better=True,
                needs=Needs.PROBABILITIES,
                weighted=_mean_of(_row_hit),
            ),
            Metric(
                name="brier",
                function=brier,
                higher_is_better=False,
                needs=Needs.PROBABILITIES,
                weighted=_mean_of(_row_squared_error),
            ),
            Metric(
                name="rmse",
                function=rmse,
                higher_is_better=False,
                needs=Needs.NUMBERS,
                weighted=_mean_of(_row_squared_error, root=True),
            ),
            Metric(
                name="mae",
                function=mae,
                higher_is_better=False,
                needs=Needs.NUMBERS,
                weighted=_mean_of(_row_absolute_error),
            ),
        )
    }
)
"""Every metric that can be named, by name."""
