"""Whether probabilities hold as frequencies: of the rows that get 0.3, three in ten should be positive.

Bins hold equal numbers of rows, so that none rests on a handful (Nguyen & O'Connor 2015, "Posterior
calibration and exploratory analysis for natural language processing models"). Rows of the same
probability are never split: a tie falls into the bin of its middle row, whatever the order of the rows.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ckpt_ops import checks
from ckpt_ops.evaluation.metrics.metric import FloatArray, Needs, OfCounts, Positions, of_rows
from ckpt_ops.evaluation.metrics.ordering import ties
from ckpt_ops.evaluation.metrics.rows import checked

BINS = 10


@dataclass(frozen=True, kw_only=True)
class Bin:
    """Rows of similar probability.

    Attributes:
        rows: how many, at least 1.
        low, high: the least and the largest probability among them.
        predicted: their mean probability.
        observed: the share of them whose label is 1.
    """

    rows: int
    low: float
    high: float
    predicted: float
    observed: float

    @property
    def gap(self) -> float:
        """Predicted less observed: above 0 the model promises too much."""
        return self.predicted - self.observed


def ece(y: FloatArray, p: FloatArray) -> float:
    """Expected calibration error: the mean over rows of |predicted - observed| of the row's bin; 10 bins.

    Naeini et al. 2015, "Obtaining well calibrated probabilities using Bayesian binning", with bins of equal
    mass. 0 to 1, lower is better. Chance alone makes it about sqrt(bins / rows) / 3: on few rows even a
    perfect model is not at 0. `y` in {0, 1}, `p` in [0, 1].
    """
    y, p = checked("ece", Needs.PROBABILITIES, y, p)
    return float(_weighted_ece(y, p)(np.ones((1, y.size)))[0])


def calibration_bins(y: FloatArray, p: FloatArray, *, bins: int = BINS) -> tuple[Bin, ...]:
    """The bins that have rows, by rising probability. Raises what a metric raises."""
    checks.whole("bins", bins)
    y, p = checked("ece", Needs.PROBABILITIES, y, p)
    order, starts = ties(p)
    sizes = np.diff(np.r_[starts, p.size]).astype(np.float64)
    bin_of_row = np.repeat(_bin_of(sizes[None, :], bins)[0], sizes.astype(np.intp))
    y, p = y[order], p[order]
    first = np.flatnonzero(np.r_[True, bin_of_row[1:] != bin_of_row[:-1]])
    return tuple(
        Bin(
            rows=stop - start,
            low=float(p[start]),
            high=float(p[stop - 1]),
            predicted=float(p[start:stop].mean()),
            observed=float(y[start:stop].mean()),
        )
        for start, stop in zip(first.tolist(), [*first[1:].tolist(), p.size], strict=True)
    )


def expected_error(bins: tuple[Bin, ...]) -> float:
    """The expected calibration error of these bins."""
    return sum(abs(one.gap) * one.rows for one in bins) / sum(one.rows for one in bins)


def _weighted_ece(y: FloatArray, p: FloatArray) -> OfCounts:
    order, starts = ties(p)
    promised = (p - y)[order]

    def of_counts(counts: FloatArray) -> FloatArray:
        drawn = counts[:, order]
        gaps = np.add.reduceat(drawn * promised, starts, axis=1)
        sizes = np.add.reduceat(drawn, starts, axis=1)
        cells = _bin_of(sizes, BINS) + BINS * np.arange(len(counts))[:, None]
        # |predicted - observed| of a bin times its rows is |sum of (p - y)|: no bin has to be divided by.
        of_bins = np.bincount(cells.ravel(), weights=gaps.ravel(), minlength=BINS * len(counts))
        found: FloatArray = np.abs(of_bins.reshape(len(counts), BINS)).sum(axis=1) / counts.sum(axis=1)
        return found

    return of_counts


def _bin_of(sizes: FloatArray, bins: int) -> Positions:
    """The bin of each distinct probability by its middle row; `sizes`: its rows, (resamples, values)."""
    middle = np.cumsum(sizes, axis=1) - sizes / 2
    found: Positions = (middle * bins / sizes.sum(axis=1, keepdims=True)).astype(np.intp)
    return np.minimum(found, bins - 1)


ECE = of_rows(ece, higher_is_better=False, needs=Needs.PROBABILITIES, weighted=_weighted_ece)
