"""Ranking metrics: the mean over groups, and over all orders that tied scores allow."""

from __future__ import annotations

from itertools import pairwise, permutations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import ndcg_score

from ckpt_ops.errors import BadInput
from ckpt_ops.evaluation import METRICS, Needs, UndefinedMetric

NAMES = [name for name, metric in METRICS.items() if metric.needs is Needs.GROUPS]
ndcg, mrr = METRICS["ndcg"], METRICS["mrr"]


@st.composite
def queries(draw: st.DrawFn, *, largest: int = 14) -> list[tuple[np.ndarray, np.ndarray]]:
    """Some queries' grades 0 to 3 and scores on a coarse grid; at least one query has a relevant row."""

    def query() -> st.SearchStrategy[list[tuple[int, int]]]:
        return st.lists(st.tuples(st.integers(0, 3), st.integers(0, 3)), min_size=2, max_size=largest)

    drawn = draw(
        st.lists(query(), min_size=1, max_size=5).filter(lambda all_: any(y for one in all_ for y, _ in one))
    )
    return [tuple(np.array(one, dtype=float).T) for one in drawn]


def together(found: list[tuple[np.ndarray, np.ndarray]], random: np.random.Generator) -> dict:
    """All queries' rows in some order."""
    y, p = (np.concatenate(column) for column in zip(*found, strict=True))
    groups = np.concatenate([np.full(len(one[0]), f"q{number}") for number, one in enumerate(found)])
    order = random.permutation(y.size)
    return {"y": y[order], "p": p[order], "groups": groups[order]}


def reciprocal_rank(y: np.ndarray, p: np.ndarray) -> float:
    """Over every order of the rows that the scores allow, one by one."""
    found = []
    for order in permutations(range(y.size)):
        if all(p[before] >= p[after] for before, after in pairwise(order)):
            found.append(1 / next(place for place, row in enumerate(order, 1) if y[row] > 0))
    return float(np.mean(found))


@settings(max_examples=80, deadline=None)
@given(found=queries(), seed=st.integers(0, 99))
def test_ndcg_is_scikit_learns_at_ten_for_each_group(found, seed):
    expected = np.mean([ndcg_score([y], [p], k=10) for y, p in found if y.any()])
    assert ndcg(**together(found, np.random.default_rng(seed))) == pytest.approx(expected, rel=1e-9)


@settings(max_examples=40, deadline=None)
@given(found=queries(largest=5), seed=st.integers(0, 99))
def test_mrr_is_the_mean_over_every_order_that_ties_allow(found, seed):
    expected = np.mean([reciprocal_rank(y, p) for y, p in found if y.any()])
    assert mrr(**together(found, np.random.default_rng(seed))) == pytest.approx(expected, rel=1e-9)


@pytest.mark.parametrize("name", NAMES)
@settings(max_examples=40, deadline=None)
@given(found=queries(), data=st.data())
def test_a_group_counts_as_often_as_it_is_drawn(name, found, data):
    rows = together(found, np.random.default_rng(0))
    counts = data.draw(st.lists(st.integers(0, 2), min_size=len(found), max_size=len(found)))
    resampled = METRICS[name].weighted(**rows)(np.array([counts], dtype=float))[0]
    drawn = [one for one, count in zip(found, counts, strict=True) for _ in range(count)]
    if any(y.any() for y, _ in drawn):
        written_out = METRICS[name](**together(drawn, np.random.default_rng(1)))
        assert resampled == pytest.approx(written_out, rel=1e-9)
    else:
        assert np.isnan(resampled)


@pytest.mark.parametrize("name", NAMES)
@settings(deadline=None)
@given(found=queries())
def test_the_best_order_gets_1_and_only_the_order_counts(name, found):
    rows = together(found, np.random.default_rng(0))
    assert METRICS[name](rows["y"], rows["y"], groups=rows["groups"]) == pytest.approx(1)
    stretched = METRICS[name](rows["y"], np.exp(rows["p"]) - 9, groups=rows["groups"])
    assert stretched == pytest.approx(METRICS[name](**rows))


def test_a_constant_model_gains_nothing_from_how_the_rows_lie():
    groups = np.full(4, "q")
    first, last = np.array([1.0, 0, 0, 0]), np.array([0.0, 0, 0, 1])
    for metric in (ndcg, mrr):
        assert metric(first, np.zeros(4), groups=groups) == metric(last, np.zeros(4), groups=groups)
    assert mrr(first, np.zeros(4), groups=groups) == pytest.approx((1 + 1 / 2 + 1 / 3 + 1 / 4) / 4)


@pytest.mark.parametrize("name", NAMES)
def test_what_cannot_be_ranked_says_so(name):
    metric, y, p = METRICS[name], np.array([1.0, 0]), np.array([0.3, 0.2])
    with pytest.raises(UndefinedMetric, match="needs groups"):
        metric(y, p)
    with pytest.raises(UndefinedMetric, match="needs a label above 0, all 2 labels are 0"):
        metric(np.zeros(2), p, groups=np.array(["a", "b"]))
    with pytest.raises(UndefinedMetric, match="labels of 0 or more, 1 of 2 are less"):
        metric(np.array([1.0, -1]), p, groups=np.array(["a", "b"]))
    with pytest.raises(BadInput, match="a group for each of the 2 rows"):
        metric(y, p, groups=np.array(["a"]))
