"""What a metric is: a formula on rows, its direction, and the same formula over many resamples at once.

Labels and predictions may be those of positions of a row, such as the words of a text: each counts once.

Rows with k labels each, such as the tags of a text, have the mean over the labels (macro): a frequent label
does not hide a rare one. It has a value where each of the labels has one.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from enum import Enum

import numpy as np
import numpy.typing as npt

from ckpt_ops.errors import BadInput
from ckpt_ops.evaluation.errors import UndefinedMetric, UnusablePredictions
from ckpt_ops.lists import flat_cells, is_cells, lengths_of

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
    """A metric by name. Call it with labels (n,) or (n, k), predictions and, where it needs them, groups.

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
        y, p = np.asarray(y), np.asarray(p)
        if y.dtype.names:
            raise BadInput(
                "output",
                None,
                f"one of the model's outputs: {', '.join(map(repr, y.dtype.names))}; {self.name} is of one",
            )
        y, p, groups, _ = _by_position(self.name, y, p, groups)
        found = self.function(y, p, groups) if y.ndim != 2 else self._macro(y, p, groups)
        if not math.isfinite(found):
            raise UndefinedMetric(f"{self.name} of {len(y):,} rows is not finite: values are too large")
        return found

    def weighted(self, y: FloatArray, p: FloatArray, *, groups: Groups | None = None) -> OfCounts:
        """The metric as a function of how often each unit is drawn; NaN where a resample has no value."""
        y, p, groups, lengths = _by_position(self.name, y, p, groups)
        if lengths is not None and self.needs is not Needs.GROUPS:
            of_positions = self.weighted(y, p, groups=groups)
            return lambda counts: of_positions(np.repeat(counts, lengths, axis=1))
        if y.ndim != 2:
            return self.prepared(y, p, groups)
        of_labels = [self.prepared(*one, groups) for one in _each_label(self.name, y, p)]

        def of_counts(counts: FloatArray) -> FloatArray:
            found: FloatArray = np.mean([of_label(counts) for of_label in of_labels], axis=0)
            return found

        return of_counts

    def units(self, y: FloatArray, *, groups: Groups | None = None) -> int:
        """How many things a resample draws: rows, or for a ranking metric whole groups, in sorted order.

        The rows of one query depend on each other: drawn one by one, they would make the interval too narrow.
        """
        if self.needs is Needs.GROUPS and groups is not None:
            return int(np.unique(groups).size)
        return len(y)

    def _macro(self, y: FloatArray, p: FloatArray, groups: Groups | None) -> float:
        found = []
        for at, one in enumerate(_each_label(self.name, y, p)):
            try:
                found.append(self.function(*one, groups))
            except (UndefinedMetric, UnusablePredictions) as error:
                raise type(error)(f"label {at}: {error.what}") from error
        return math.fsum(found) / len(found)

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


def _by_position(
    name: str, y: FloatArray, p: FloatArray, groups: Groups | None
) -> tuple[FloatArray, FloatArray, Groups | None, Positions | None]:
    """Numbers for each position of a row as those of rows, and how many positions each row has.

    Each position counts once. A resample draws rows, with all of their positions: these depend on each other.
    """
    if not is_cells(y):
        return y, p, groups, None
    lengths = lengths_of(y)
    if not is_cells(p) or not np.array_equal(lengths, lengths_of(p)):
        raise UndefinedMetric(f"{name} needs a prediction for each position that has a label")
    of_each = None if groups is None else np.repeat(groups, lengths)
    return flat_cells(y), flat_cells(p), of_each, lengths


def _each_label(name: str, y: FloatArray, p: FloatArray) -> Iterator[tuple[FloatArray, FloatArray]]:
    """Labels and predictions of each of k labels, (n,) and (n,). Raises `UndefinedMetric`: p has other k."""
    if p.shape != y.shape:
        raise UndefinedMetric(f"{name} needs a prediction for each of {y.shape[1]} labels of a row")
    return zip(np.ascontiguousarray(y.T), np.ascontiguousarray(p.T), strict=True)
