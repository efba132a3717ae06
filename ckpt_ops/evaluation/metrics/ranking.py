"""Metrics of how well scores order the rows of a query. A group is a query; each group counts alike.

Rows of one score have no order: the value is the mean over all orders that the scores allow (McSherry &
Najork 2008, "Computing information retrieval performance measures efficiently in the presence of tied
scores"), so that a constant model gains nothing from how the rows happen to lie. Groups without a
relevant row have no right order and are left out.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from ckpt_ops.errors import BadInput
from ckpt_ops.evaluation.errors import UndefinedMetric
from ckpt_ops.evaluation.metrics.metric import FloatArray, Groups, Metric, Needs, OfCounts, Positions
from ckpt_ops.evaluation.metrics.rows import checked, ratio

FIRST = 10
"""How many places of a ranking count for NDCG."""


def ndcg(y: FloatArray, p: FloatArray, groups: Groups | None) -> float:
    """Normalized discounted cumulative gain of the first 10 rows, mean over groups; 0 to 1.

    DCG is the sum of label / log2(1 + place), and is divided by that of the best order (Järvelin &
    Kekäläinen 2002, "Cumulated gain-based evaluation of IR techniques", with today's usual discount).
    Labels are gains of 0 or more: grades, or 2^grade - 1 where the highest should count most.

    Raises:
        UndefinedMetric: no groups, a label below 0, or no group with a label above 0.
    """
    return _mean_of_groups("ndcg", _ndcg_by_group, y, p, groups)


def mrr(y: FloatArray, p: FloatArray, groups: Groups | None) -> float:
    """Mean reciprocal rank: 1 / the place of the first relevant row, mean over groups; 0 to 1.

    Relevant is a label above 0 (Voorhees 1999, "The TREC-8 question answering track report").

    Raises:
        UndefinedMetric: no groups, a label below 0, or no group with a label above 0.
    """
    return _mean_of_groups("mrr", _reciprocal_rank_by_group, y, p, groups)


@dataclass(frozen=True, kw_only=True, eq=False)
class _Ranked:
    """Rows sorted by group and, within it, by falling score.

    Attributes:
        label: of each row, (n,).
        group: the row's group, (n,), from 0 in sorted order.
        place: in its group, (n,), from 1.
        tie: number of its tie, (n,), from 0: rows of one group and one score.
        tie_starts: the first row of each tie.
        count: of groups.
    """

    label: FloatArray
    group: Positions
    place: Positions
    tie: Positions
    tie_starts: Positions
    count: int


ByGroup = Callable[[FloatArray, FloatArray, Groups], FloatArray]
"""Labels, scores and groups of n rows to a value for each group, in sorted order; NaN: it has none."""


def _ranked(y: FloatArray, p: FloatArray, groups: Groups) -> _Ranked:
    names, group = np.unique(groups, return_inverse=True)
    order = np.lexsort((-p, group))
    group, p = group[order], p[order]
    new_group = np.r_[True, group[1:] != group[:-1]]
    starts = np.flatnonzero(new_group)
    new_tie = new_group | np.r_[True, p[1:] != p[:-1]]
    return _Ranked(
        label=y[order],
        group=group,
        place=np.arange(y.size) - starts[group] + 1,
        tie=np.cumsum(new_tie) - 1,
        tie_starts=np.flatnonzero(new_tie),
        count=names.size,
    )


def _ndcg_by_group(y: FloatArray, p: FloatArray, groups: Groups) -> FloatArray:
    ranked, best = _ranked(y, p, groups), _ranked(y, y, groups)
    return ratio(_dcg(ranked), _dcg(best))


def _dcg(ranked: _Ranked) -> FloatArray:
    sizes = np.diff(np.r_[ranked.tie_starts, ranked.label.size])
    gain = (np.add.reduceat(ranked.label, ranked.tie_starts) / sizes)[ranked.tie]
    discounted = np.where(ranked.place <= FIRST, gain / np.log2(1 + ranked.place), 0)
    return np.bincount(ranked.group, weights=discounted, minlength=ranked.count).astype(np.float64)


def _reciprocal_rank_by_group(y: FloatArray, p: FloatArray, groups: Groups) -> FloatArray:
    ranked = _ranked(y, p, groups)
    relevant = np.add.reduceat((ranked.label > 0).astype(np.float64), ranked.tie_starts)
    group_of_tie = ranked.group[ranked.tie_starts]
    sizes = np.diff(np.r_[ranked.tie_starts, ranked.label.size]).astype(np.float64)
    with_relevant = np.flatnonzero(relevant)
    there, first = np.unique(group_of_tie[with_relevant], return_index=True)
    ties = with_relevant[first]  # of each group the first tie that has a relevant row
    found = np.full(ranked.count, np.nan)
    if ties.size:
        found[there] = _expected_reciprocal(
            ranked.place[ranked.tie_starts[ties]].astype(np.float64), sizes[ties], relevant[ties]
        )
    return found


def _expected_reciprocal(place: FloatArray, size: FloatArray, relevant: FloatArray) -> FloatArray:
    """The mean of 1 / place of the first relevant row of a tie that starts at `place`, over its orders."""
    found = np.zeros_like(place)
    not_yet = np.ones_like(place)
    for passed in range(int((size - relevant).max()) + 1):
        left = np.maximum(size - passed, relevant)  # a tie that is used up has not_yet = 0
        now = not_yet * relevant / left
        found += now / (place + passed)
        not_yet = not_yet - now
    return found


def _mean_of_groups(
    name: str, by_group: ByGroup, y: FloatArray, p: FloatArray, groups: Groups | None
) -> float:
    y, p = checked(name, Needs.GROUPS, y, p)
    if groups is None:
        raise UndefinedMetric(f"{name} needs groups: which rows are ranked against each other")
    groups = np.asarray(groups, dtype=np.str_)
    if groups.shape != y.shape:
        raise BadInput("groups", groups.shape, f"a group for each of the {y.size:,} rows")
    found = by_group(y, p, groups)
    found = found[~np.isnan(found)]
    if not found.size:
        raise UndefinedMetric(f"{name} needs a label above 0, all {y.size:,} labels are 0")
    return float(found.mean())


def _weighted(by_group: ByGroup) -> Callable[[FloatArray, FloatArray, Groups | None], OfCounts]:
    """Over resamples of groups, not of rows: counts of shape (resamples, groups), groups in sorted order."""

    def prepare(y: FloatArray, p: FloatArray, groups: Groups | None) -> OfCounts:
        if groups is None:
            raise BadInput("groups", groups, "a group for each row")
        found = by_group(y, p, groups)
        has_value = (~np.isnan(found)).astype(np.float64)
        value = np.nan_to_num(found)
        return lambda counts: ratio(counts @ value, counts @ has_value)

    return prepare


NDCG = Metric(
    name="ndcg",
    function=ndcg,
    higher_is_better=True,
    needs=Needs.GROUPS,
    prepared=_weighted(_ndcg_by_group),
)
MRR = Metric(
    name="mrr",
    function=mrr,
    higher_is_better=True,
    needs=Needs.GROUPS,
    prepared=_weighted(_reciprocal_rank_by_group),
)
