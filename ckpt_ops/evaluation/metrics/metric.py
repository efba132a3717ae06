"""What a metric is: a formula on rows, its direction, and the same formula over many resamples at once."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum

import numpy as np
import numpy.typing as npt

from ckpt_ops.evaluation.errors import UndefinedMetric

FloatArray = npt.NDArray[np.float64]
Groups = npt.NDArray[np.str_]
Positions = npt.NDArray[np.intp]
OfCounts = Callable[[FloatArray], FloatArray]
"""Takes how often each unit is drawn, (resamples, units); returns each resample's metric, (resamples,)."""


class Needs(Enum):
    """What a metric is defined on."""

    SCORES = "labels 0 or 1, any finite scores"
    PROBABILITIES = "labels 0 or 1, probabilities from 0 to 1"
    NUMBERS = "any finite labels and predictions"
    CLASSES = "labels 0 to k - 1, probabilities of k classes"
    GROUPS = "labels of 0 or more, any finite scores, a group for each row"


@dataclass(frozen=True, kw_only=True)
class Metric:
    """A metric by name. Call it with labels (n,), predictions and, where it needs them, groups.

    Attributes:
        name: as gates, policies and records write it.
        function: labels, predictions, groups to a float, or `UndefinedMetric`, `UnusablePredictions`.
        higher_is_better: the direction of quality.
        needs: what labels and predictions have to be. Predictions have the shape (n,), for CLASSES (n, k).
        prepared: the same metric over many resamples; expects arrays that `function` accepted.
    """

    name: str
    function: Callable[[FloatArray, FloatArray, Groups | None], float]
    higher_is_better: bool
    needs: Needs
    prepared: Callable[[FloatArray, FloatArray, Groups | None], OfCounts]

    def __call__(self, y: FloatArray, p: FloatArray, *, groups: Groups | None = None) -> float:
        found = self.function(y, p, groups)
        if not math.isfinite(found):
            raise UndefinedMetric(f"{self.name} of {len(y):,} rows is not finite: values are too large")
        return found

    def weighted(self, y: FloatArray, p: FloatArray, *, groups: Groups | None = None) -> OfCounts:
        """The metric as a function of how often each unit is drawn; NaN where a resample has no value."""
        return self.prepared(y, p, groups)

    def units(self, y: FloatArray, *, groups: Groups | None = None) -> int:
        """How many things a resample draws: rows, or for a ranking metric whole groups, in sorted order.

        The rows of one query depend on each other: drawn one by one, they would make the interval too narrow.
        """
        if self.needs is Needs.GROUPS and groups is not None:
            return int(np.unique(groups).size)
        return y.size

    def improvement(self, delta: float) -> float:
        """A difference with its sign turned so that positive is always better."""
        return delta if self.higher_is_better else -delta


def of_rows(
    function: Callable[[FloatArray, FloatArray], float],
    *,
    higher_is_better: bool,
    needs: Needs,
    weighted: Callable[[FloatArray, FloatArray], OfCounts],
) -> Metric:
    """`function` as a metric, under its own name; it ignores groups."""
    return Metric(
        name=function.__name__,
        function=lambda y, p, groups: function(y, p),
        higher_is_better=higher_is_better,
        needs=needs,
        prepared=lambda y, p, groups: weighted(y, p),
    )
