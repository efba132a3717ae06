"""Of a large slice a champion is scored on some rows: so many, drawn evenly, the same whenever one looks."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ckpt_ops.candidates import champion, scored_rows
from ckpt_ops.candidates.as_served.asked import Answers, Rows, Scores
from ckpt_ops.candidates.champion import ScoredPart, metrics_on, score
from ckpt_ops.candidates.data import TrainingData
from ckpt_ops.candidates.evaluated_on import evaluated_on
from ckpt_ops.candidates.slice_rows import StoredRows
from ckpt_ops.evaluation import metrics_of
from ckpt_ops.lineage import VersionState
from ckpt_ops.lineage.encoding import decode, encode, to_payload
from ckpt_ops.lineage.records import CandidateStarted, SliceRef, UpdateDeferred
from ckpt_ops.pipeline import Pipeline
from ckpt_ops.store import Store
from ckpt_ops.training import Examples

REVISION = "0123456789abcdef01"
MOST = 1_000
revisions = st.text("0123456789abcdef", min_size=16, max_size=16)


@pytest.fixture(autouse=True)
def fewer(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(scored_rows, "MOST_ROWS", MOST)
    monkeypatch.setattr(scored_rows, "_BLOCK", 300)


def chosen(revision: str, parts: Sequence[int]) -> list[npt.NDArray[np.int64]]:
    return [part for part in scored_rows.scored_rows(revision, parts) if part is not None]


@settings(max_examples=100, deadline=None)
@given(revisions, st.lists(st.integers(0, 3_000), min_size=1, max_size=4))
def test_all_rows_of_a_small_slice_and_so_many_of_a_large_one(revision: str, parts: list[int]) -> None:
    found = scored_rows.scored_rows(revision, parts)
    if sum(parts) <= MOST:
        assert found == [None] * len(parts)
        return
    drawn = chosen(revision, parts)
    assert sum(map(len, drawn)) == MOST
    for rows, size in zip(drawn, parts, strict=True):
        assert (np.diff(rows) > 0).all(), "ascending, none twice"
        assert not len(rows) or (rows[0] >= 0 and rows[-1] < size)
    again = chosen(revision, parts)
    assert all(np.array_equal(one, other) for one, other in zip(drawn, again, strict=True))


def test_every_row_is_as_likely_as_any_other() -> None:
    parts, times = (4_000, 1_000), np.zeros(5_000)
    for number in range(400):
        train, held = chosen(f"{number:016x}", parts)
        times[train] += 1
        times[4_000 + held] += 1
    share = MOST / 5_000
    expected, scatter = 400 * share, np.sqrt(400 * share * (1 - share))
    assert abs(times - expected).max() < 6 * scatter
    assert abs(times[:4_000].mean() - times[4_000:].mean()) < 0.01 * expected


@pytest.mark.parametrize("kind", [np.str_, np.int64])
def test_of_a_slice_with_groups_whole_groups_are_scored(kind: Any) -> None:
    groups = np.random.default_rng(7).integers(0, 2_000, 10_000).astype(kind)
    rows = scored_rows.scored_rows(REVISION, [8_000, 2_000], groups=[groups[:8_000], groups[8_000:]])
    drawn = np.concatenate([part + at for part, at in zip(rows, (0, 8_000), strict=True) if part is not None])
    inside = np.isin(groups, groups[drawn])
    np.testing.assert_array_equal(np.flatnonzero(inside), drawn)
    assert 0.7 * MOST < len(drawn) < 1.3 * MOST


def examples(rows: int, seed: int) -> Examples:
    draw = np.random.default_rng(seed)
    x = draw.random(rows)
    return Examples(inputs={"x": x.astype(np.float32)}, labels=(draw.random(rows) < x).astype(np.float32))


@pytest.mark.parametrize("held_out", [800, 1_500])
def test_a_champions_score_is_of_the_rows_that_were_drawn_and_says_of_how_many(
    pipeline: Pipeline, store: Store, held_out: int
) -> None:
    train, held = examples(6_000, 1), examples(held_out, 2)
    ref = SliceRef(key="2013-01-06", revision=REVISION, rows=6_000 + held_out)
    asked: list[int] = []

    def ask(several: Sequence[Rows]) -> Answers:
        def one(rows: Rows) -> Scores:
            asked.append(rows.count)
            return np.asarray(rows.inputs["x"][slice(0, rows.count)], np.float64)

        return Answers(scores=[one(rows) for rows in several])

    evaluated = evaluated_on(held, [(ref, held_out)])
    (drawn,) = evaluated.by_slice
    found = score(
        ask,
        pipeline,
        StoredRows(pipeline, store),
        VersionState.opened(CandidateStarted(version=1, candidate="0" * 16, parent=None, slices=(ref,))),
        TrainingData(
            train=train,
            holdout=evaluated.examples,
            held_out=held,
            slices={ref.key: (slice(0, 6_000), slice(0, held_out))},
            learn=train,
            drawn={} if drawn is None else {ref.key: drawn},
        ),
        unseen=[ref.key],
    )
    of_train, of_held = chosen(REVISION, [6_000, held_out])
    if held_out <= MOST:
        assert asked == [len(of_train), held_out], "gates see every row that is held out"
    else:
        assert asked == [len(of_train), MOST, len(of_held)], "gates see as many as are drawn"
    assert found.holdout is not None
    np.testing.assert_array_equal(found.holdout, evaluated.examples.inputs["x"])
    labels = np.concatenate([train.labels[of_train], held.labels[of_held]])
    x = np.concatenate([train.inputs["x"][of_train], held.inputs["x"][of_held]])
    assert found.slices == {ref.key: metrics_of(labels.astype(np.float64), x.astype(np.float64))}
    assert found.scored_rows == {ref.key: MOST}


def test_of_a_small_slice_every_row_is_scored_and_nothing_more_is_recorded() -> None:
    part = examples(MOST, 3)
    assert champion.scored_of(SliceRef(key="a", revision=REVISION, rows=MOST), [part]) == [None]
    x = np.asarray(part.inputs["x"], np.float64)
    assert metrics_on([ScoredPart.of(part, x)]) == metrics_of(part.labels.astype(np.float64), x)


def records() -> Iterator[UpdateDeferred]:
    ref = SliceRef(key="a", revision=REVISION, rows=MOST)
    for rows in ({}, {"a": MOST}):
        yield UpdateDeferred(slice=ref, numbers={}, scores={"a": {"auc": 0.5}}, scored_rows=rows)


def test_a_record_says_of_how_many_rows_only_where_they_are_not_all() -> None:
    every, some = records()
    assert "scored_rows" not in to_payload(every), "older code reads it"
    assert to_payload(some)["scored_rows"] == {"a": MOST}
    assert [decode(encode(one)) for one in (every, some)] == [every, some]


def test_picked_rows_are_read_as_they_are_asked_for() -> None:
    column = np.arange(100)
    picked = scored_rows.picked(column, np.array([3, 50, 99]))
    assert (len(picked), picked.shape, picked.dtype) == (3, (3,), column.dtype)
    np.testing.assert_array_equal(picked[1:3], [50, 99])
    assert scored_rows.picked(column, None) is column
