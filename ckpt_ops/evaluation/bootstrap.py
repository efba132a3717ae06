"""How sure a difference between two models is, from the rows both were evaluated on."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from ckpt_ops import checks
from ckpt_ops.evaluation.errors import UndefinedMetric
from ckpt_ops.evaluation.metrics import FloatArray, Groups, Metric, Needs

CELLS_AT_ONCE = 1 << 16
"""Resamples are drawn in blocks of about this many counts, whatever the number of rows: 512 KiB, which stay
in a core's cache. It takes half the time of blocks of 8 MiB, for the same numbers."""

_TOO_LITTLE = {
    Needs.SCORES: "one class is too rare here",
    Needs.PROBABILITIES: "one class is too rare here",
    Needs.NUMBERS: "the labels hardly differ",
    Needs.CLASSES: "one class is too rare here",
    Needs.GROUPS: "too few groups have a relevant row",
}


@dataclass(frozen=True, kw_only=True)
class Difference:
    """A metric's difference, candidate minus champion, with its interval. In the metric's own unit and sign.

    Attributes:
        delta: on the rows as they are.
        low, high: the two-sided percentile interval of `delta`.
        confidence: the share of resamples between `low` and `high`.
        resamples: how many resamples had a value (an AUC has none where one class was not drawn).
    """

    delta: float
    low: float
    high: float
    confidence: float
    resamples: int


def paired_bootstrap(
    metric: Metric,
    y: FloatArray,
    candidate: FloatArray,
    champion: FloatArray,
    *,
    groups: Groups | None = None,
    seed: int,
    resamples: int = 1_000,
    confidence: float = 0.95,
) -> Difference:
    """Draw rows with replacement, the same rows for both models, and see how the difference scatters.

    For a ranking metric whole groups are drawn: the rows of one query are not independent evidence.

    Percentile interval (Efron & Tibshirani 1993, "An Introduction to the Bootstrap", chapter 13). Because the
    rows are the same, what makes a row hard for both models cancels. The same seed gives the same interval.

    Args:
        metric: one of `METRICS`.
        y, candidate, champion: labels (n,) and two models' predictions, (n,) or (n, k), float64.
        groups: text (n,), for a metric that needs them.
        seed: of the draws.
        resamples: how many draws of n rows, or of as many groups as there are.
        confidence: between 0 and 1.

    Raises:
        UndefinedMetric, UnusablePredictions: the metric has no value on these rows, or on most resamples.
    """
    checks.whole("resamples", resamples)
    checks.confidence("confidence", confidence)
    delta = metric(y, candidate, groups=groups) - metric(y, champion, groups=groups)
    of_candidate = metric.weighted(y, candidate, groups=groups)
    of_champion = metric.weighted(y, champion, groups=groups)
    units = metric.units(y, groups=groups)
    deltas = _valued(
        metric,
        units,
        [of_candidate(counts) - of_champion(counts) for counts in _blocks(seed, resamples, units)],
    )
    tail = (1 - confidence) / 2
    low, high = np.quantile(deltas, [tail, 1 - tail])
    return Difference(
        delta=delta, low=float(low), high=float(high), confidence=confidence, resamples=int(deltas.size)
    )


def standard_error(
    metric: Metric,
    y: FloatArray,
    p: FloatArray,
    *,
    groups: Groups | None = None,
    seed: int,
    resamples: int = 200,
) -> float:
    """How much one model's metric scatters by the choice of rows alone: the bootstrap's standard deviation.

    Args:
        As `paired_bootstrap` takes them; `p` is the model's predictions.

    Raises:
        UndefinedMetric, UnusablePredictions: the metric has no value on these rows, or on most resamples.
    """
    metric(y, p, groups=groups)
    units, of_model = metric.units(y, groups=groups), metric.weighted(y, p, groups=groups)
    return float(
        np.std(_valued(metric, units, [of_model(counts) for counts in _blocks(seed, resamples, units)]))
    )


def _blocks(seed: int, resamples: int, units: int) -> Iterator[FloatArray]:
    """How often each unit is drawn, some resamples at a time."""
    random = np.random.default_rng(seed)
    block = max(1, CELLS_AT_ONCE // units)
    for start in range(0, resamples, block):
        yield _draw(random, min(block, resamples - start), units)


def _valued(metric: Metric, units: int, blocks: Sequence[FloatArray]) -> FloatArray:
    """The resamples that have a value. Raises `UndefinedMetric` when these are too few."""
    found = np.concatenate(blocks)
    kept: FloatArray = found[~np.isnan(found)]
    if kept.size < found.size / 2:
        raise UndefinedMetric(
            f"{metric.name} has no value on {found.size - kept.size:,} of {found.size:,} resamples of "
            f"{units:,} {'groups' if metric.needs is Needs.GROUPS else 'rows'}: {_TOO_LITTLE[metric.needs]}"
        )
    return kept


def _draw(random: np.random.Generator, size: int, units: int) -> FloatArray:
    """How often each row or group is drawn, float64 of shape (size, units); each line sums to `units`."""
    drawn = random.integers(0, units, size=(size, units))
    drawn += np.arange(size)[:, None] * units
    return np.bincount(drawn.ravel(), minlength=size * units).reshape(size, units).astype(np.float64)
