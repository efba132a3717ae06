"""How far two samples of one column are apart: PSI over bins, Kolmogorov-Smirnov over values.

Both are effect sizes: they tell how much changed, not how sure that is. A p-value answers a different
question: at 336,000 rows a shift of 0.05 standard deviations has p = 1e-59, a PSI of 0.002 and a D of
0.02, and no model notices it. So the size decides, and chance only excuses: what this many rows would
show one time in a thousand without any change is not called drift (`noise`).

For two normal distributions d standard deviations apart (Cohen's d) both are known, which is what makes
a threshold of one comparable with one of the other: PSI = d**2, D = 2 * Phi(d / 2) - 1.

| d | Cohen 1988 | PSI | D |
|---|---|---|---|
| 0.2 | small | 0.04 | 0.08 |
| 0.32 | | 0.10 | 0.13 |
| 0.5 | medium | 0.25 | 0.20 |
| 0.8 | large | 0.64 | 0.31 |
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Counts = npt.NDArray[np.int64]

CHANCE = 0.001  # how often an unchanged column may look changed
_PSEUDO_COUNT = 0.5
_TIE = 1e-9  # less than a row's share
_OTHER = "other values"
_NULL = "null"


@dataclass(frozen=True, kw_only=True)
class Binned:
    """Two samples counted over the same bins. `names` describe the bins; empty bins are left out."""

    names: tuple[str, ...]
    expected: Counts
    found: Counts

    def psi(self) -> float:
        return psi(self.expected, self.found)

    def noise(self) -> float:
        """The PSI that this many rows exceed by chance one time in a thousand.

        Without change PSI is distributed as (1/n + 1/m) * chi2(bins - 1): Yurdakul and Naranjo, Journal
        of Risk Model Validation 14(4), 2020.
        """
        from scipy.stats import chi2

        free = len(self.names) - 1
        rows = 1 / self.expected.sum() + 1 / self.found.sum()
        return float(chi2.isf(CHANCE, free) * rows) if free else 0.0

    def largest_change(self) -> tuple[str, float, float]:
        """The bin whose share changed most, its share in the reference and now, both from 0 to 1.

        Of two that changed equally, the one that grew: it shows what came.
        """
        expected, found = self.expected / self.expected.sum(), self.found / self.found.sum()
        at = int(np.argmax(np.abs(found - expected) + _TIE * (found > expected)))
        return self.names[at], float(expected[at]), float(found[at])


def psi(expected: Counts, found: Counts) -> float:
    """The population stability index of two counts over the same bins: 0 for equal shares, no upper end.

    The sum over bins of (q - p) * ln(q / p), p and q the shares. Half a row is added to every bin on
    both sides (Krichevsky and Trofimov's estimate), so that an empty bin counts for what it is: less
    than one row. Symmetric. Siddiqi (Credit Risk Scorecards, 2006): below 0.1 little has changed, above
    0.25 much has.
    """
    p = (expected + _PSEUDO_COUNT) / (expected.sum() + _PSEUDO_COUNT * len(expected))
    q = (found + _PSEUDO_COUNT) / (found.sum() + _PSEUDO_COUNT * len(found))
    return float(np.sum((q - p) * np.log(q / p)))


def bin_numbers(expected: Floats, found: Floats, *, bins: int) -> Binned:
    """Counts over quantiles of `expected`; NaN is null and has a bin of its own.

    A value that fills a whole quantile or more gets its own bin, so that a constant column that changes
    is seen whichever way it changes. At most `2 * bins + 1` bins come of that.
    """
    known = expected[~np.isnan(expected)]
    cuts = np.unique(_cuts(known, bins))
    at = [np.searchsorted(cuts, each[~np.isnan(each)], side="left") for each in (expected, found)]
    counts = [np.bincount(each, minlength=len(cuts) + 1) for each in at]
    nulls = [int(np.isnan(each).sum()) for each in (expected, found)]
    return _binned((*_ranges(cuts), _NULL), *(np.append(c, n) for c, n in zip(counts, nulls, strict=True)))


def bin_categories(expected: dict[Any, int], found: dict[Any, int], *, bins: int) -> Binned:
    """Counts of the `bins` values with the largest share on either side; the others are one bin.

    Args:
        expected: value to rows; None stands for null. Likewise `found`.
    """
    rows, came = max(1, sum(expected.values())), max(1, sum(found.values()))
    shares = {
        value: max(expected.get(value, 0) / rows, found.get(value, 0) / came)
        for value in expected.keys() | found.keys()
    }
    kept = sorted(shares, key=lambda value: (-shares[value], str(value)))[:bins]
    names = [_NULL if value is None else str(value) for value in kept]
    counts = [[each.get(value, 0) for value in kept] for each in (expected, found)]
    rest = [sum(each.values()) - sum(count) for each, count in zip((expected, found), counts, strict=True)]
    both = (np.array([*count, more], np.int64) for count, more in zip(counts, rest, strict=True))
    return _binned((*names, _OTHER), *both)


@dataclass(frozen=True, kw_only=True)
class Gap:
    """Where two distribution functions are farthest apart.

    Attributes:
        d: the Kolmogorov-Smirnov statistic, 0 to 1: the share of rows that would have to move.
        p: how often this many rows show such a `d` by chance. Reported; it does not decide.
        noise: the `d` that this many rows exceed by chance one time in a thousand.
        rows: of the sample that was found.
        at: the value; `expected` and `found`: the shares of rows that are at most that.
    """

    d: float
    p: float
    noise: float
    rows: int
    at: float
    expected: float
    found: float


def ks(expected: Floats, found: Floats) -> Gap:
    """Compare two samples without NaN; neither may be empty. Infinities are values like any other."""
    from scipy.stats import kstwobign

    values = np.concatenate([expected, found])
    before, now = (np.searchsorted(np.sort(e), values, side="right") / len(e) for e in (expected, found))
    at = int(np.argmax(np.abs(before - now)))
    d = float(abs(before[at] - now[at]))
    # Smirnov's limit for many rows. For few rows it is too large where it matters, which is the safe side.
    rows = len(expected) * len(found) / len(values)
    return Gap(
        d=d,
        p=float(kstwobign.sf(np.sqrt(rows) * d)),
        noise=float(kstwobign.isf(CHANCE) / np.sqrt(rows)),
        rows=len(found),
        at=float(values[at]),
        expected=float(before[at]),
        found=float(now[at]),
    )


def _cuts(known: Floats, bins: int) -> Floats:
    """Upper ends of the bins (each holds its upper end); the last bin has none."""
    if not known.size:
        return known
    quantiles = np.quantile(known, np.linspace(0, 1, bins + 1), method="inverted_cdf")
    values, times = np.unique(quantiles, return_counts=True)
    heavy = values[times > 1]
    return np.concatenate([quantiles[1:-1], heavy, np.nextafter(heavy, -np.inf)])


def _ranges(cuts: Floats) -> tuple[str, ...]:
    if not cuts.size:
        return ("all",)
    ends = [_short(cut) for cut in cuts]
    inner = [low if low == high else f"{low} to {high}" for low, high in pairwise(ends)]
    first = "below" if ends[:1] == ends[1:2] else "up to"  # a value with a bin of its own comes next
    return (f"{first} {ends[0]}", *inner, f"above {ends[-1]}")


def _short(value: float) -> str:
    return f"{value:,.0f}" if float(value).is_integer() and abs(value) < 1e15 else f"{value:,.6g}"


def _binned(names: tuple[str, ...], expected: Counts, found: Counts) -> Binned:
    used = (expected + found) > 0
    kept = tuple(name for name, use in zip(names, used, strict=True) if use)
    return Binned(names=kept, expected=expected[used], found=found[used])
