"""What the formulas share: checks of rows, and means that stay small in memory."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator

import numpy as np
import numpy.typing as npt

from ckpt_ops.errors import BadInput
from ckpt_ops.evaluation.errors import UndefinedMetric, UnusablePredictions
from ckpt_ops.evaluation.metrics.metric import FloatArray, Needs, OfCounts

BLOCK = 2**18
SUMS_TO_ONE = 1e-3
"""Probabilities of float16 models sum to 1 this well; scores and logits do not."""


def checked(name: str, needs: Needs, y: FloatArray, p: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Labels and predictions that `needs` holds for.

    Raises:
        UndefinedMetric: no rows, or labels or predictions of a different kind of task.
        UnusablePredictions: not numbers, or not the probabilities that they have to be.
        BadInput: shapes that fit no task.
    """
    y, p = np.asarray(y, dtype=np.float64), np.asarray(p, dtype=np.float64)
    several = p.ndim == 2 and p.shape[1] > 1
    if y.ndim != 1 or p.shape[: 1 if several else 2] != y.shape:
        raise BadInput("shapes", (y.shape, p.shape), "labels and predictions of the same shape (n,)")
    if several and needs is not Needs.CLASSES:
        raise UndefinedMetric(f"{name} needs one prediction per row, there are {p.shape[1]}, one per class")
    if needs is Needs.CLASSES and not several:
        raise UndefinedMetric(f"{name} needs probabilities of several classes, there is one number per row")
    if not y.size:
        raise UndefinedMetric(f"{name} needs rows, there are none")
    for what, values in (("labels", y), ("predictions", p)):
        not_numbers = _count_rows(~np.isfinite(values))
        if not_numbers:
            raise UnusablePredictions(f"{not_numbers:,} of {y.size:,} {what} are NaN or infinite")
    _check_labels(name, needs, y, classes=p.shape[1] if several else 2)
    if needs in {Needs.PROBABILITIES, Needs.CLASSES}:
        outside = _count_rows((p < 0) | (p > 1))
        if outside:
            raise UnusablePredictions(
                f"{name} needs probabilities from 0 to 1, {outside:,} of {y.size:,} predictions lie outside"
            )
    if needs is Needs.CLASSES:
        off = int(np.count_nonzero(np.abs(p.sum(axis=1) - 1) > SUMS_TO_ONE))
        if off:
            raise UnusablePredictions(
                f"{name} needs probabilities that sum to 1, those of {off:,} of {y.size:,} rows do not"
            )
    return y, p


def _check_labels(name: str, needs: Needs, y: FloatArray, *, classes: int) -> None:
    if needs in {Needs.SCORES, Needs.PROBABILITIES}:
        others = int(np.count_nonzero((y != 0) & (y != 1)))
        if others:
            raise UndefinedMetric(f"{name} needs labels 0 or 1, {others:,} of {y.size:,} are neither")
    if needs is Needs.CLASSES:
        others = int(np.count_nonzero((y < 0) | (y >= classes) | (y != np.floor(y))))
        if others:
            raise UndefinedMetric(
                f"{name} needs labels from 0 to {classes - 1}, {others:,} of {y.size:,} are not such a class"
            )
    if needs is Needs.GROUPS:
        negative = int(np.count_nonzero(y < 0))
        if negative:
            raise UndefinedMetric(f"{name} needs labels of 0 or more, {negative:,} of {y.size:,} are less")


def _count_rows(wrong: npt.NDArray[np.bool_]) -> int:
    """In how many rows something is wrong."""
    return int(np.count_nonzero(wrong.reshape(len(wrong), -1).any(axis=1)))


def blocks(values: FloatArray) -> Iterator[FloatArray]:
    """The rows in blocks: what is computed from them need not be in memory for all at once."""
    for start in range(0, len(values), BLOCK):
        yield values[start : start + BLOCK]


def mean(per_row: Callable[[FloatArray, FloatArray], FloatArray], y: FloatArray, p: FloatArray) -> float:
    """The mean of `per_row` over all rows."""
    sums = (per_row(*block).sum() for block in zip(blocks(y), blocks(p), strict=True))
    return math.fsum(sums) / y.size


def mean_of(
    per_row: Callable[[FloatArray, FloatArray], FloatArray], *, root: bool = False
) -> Callable[[FloatArray, FloatArray], OfCounts]:
    """The mean of `per_row` over many resamples at once, or its root."""

    def prepare(y: FloatArray, p: FloatArray) -> OfCounts:
        loss = per_row(y, p)

        def of_counts(counts: FloatArray) -> FloatArray:
            found: FloatArray = counts @ loss / counts.sum(axis=1)
            if root:
                np.sqrt(found, out=found)
            return found

        return of_counts

    return prepare


def ratio(part: FloatArray, whole: FloatArray) -> FloatArray:
    """`part / whole`, NaN where the whole is not above 0."""
    found: FloatArray = np.divide(part, whole, out=np.full_like(part, np.nan), where=whole > 0)
    return found


def squared_error(y: FloatArray, p: FloatArray) -> FloatArray:
    """Of each row."""
    error: FloatArray = p - y
    return error * error
