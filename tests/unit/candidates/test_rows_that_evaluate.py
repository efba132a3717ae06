"""Of very many held-out rows some evaluate: of each slice its share, the same for whoever looks."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ckpt_ops.candidates import scored_rows
from ckpt_ops.candidates.as_served.asked import Answers, Rows
from ckpt_ops.candidates.champion import score
from ckpt_ops.candidates.data import TrainingData
from ckpt_ops.candidates.evaluated_on import EvaluatedOn, evaluated_on
from ckpt_ops.candidates.results import slices_of
from ckpt_ops.candidates.slice_rows import StoredRows
from ckpt_ops.errors import BadInput
from ckpt_ops.evaluation import AtLeast, EvaluatedRows, Evaluation, Past, evaluate_all
from ckpt_ops.evaluation.report import report_html, report_values
from ckpt_ops.lineage import VersionState
from ckpt_ops.lineage.records import CandidateStarted, SliceRef
from ckpt_ops.pipeline import Pipeline
from ckpt_ops.store import Store
from ckpt_ops.training import Examples

MOST = 1_000
revisions = st.text("0123456789abcdef", min_size=16, max_size=16)
several = st.lists(st.tuples(revisions, st.integers(0, 3_000)), min_size=1, max_size=4)


@pytest.fixture(autouse=True)
def fewer(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(scored_rows, "MOST_ROWS", MOST)
    monkeypatch.setattr(scored_rows, "_BLOCK", 300)


@settings(max_examples=100, deadline=None)
@given(several)
def test_all_rows_as_long_as_they_are_few_and_of_many_each_slice_its_share(
    slices: list[tuple[str, int]],
) -> None:
    found, total = scored_rows.evaluated_rows(slices), sum(rows for _, rows in slices)
    if total <= MOST:
        assert found == [None] * len(slices)
        return
    drawn = [rows for rows in found if rows is not None]
    assert len(drawn) == len(slices)
    assert sum(map(len, drawn)) == MOST
    for rows, (_, size) in zip(drawn, slices, strict=True):
        assert (np.diff(rows) > 0).all(), "ascending, none twice"
        assert not len(rows) or (rows[0] >= 0 and rows[-1] < size)
        blocks = -(-total // 300) + len(slices)
        assert abs(len(rows) - MOST * size / total) <= blocks, "a block is drawn from by a whole number"
    again = [rows for rows in scored_rows.evaluated_rows(slices) if rows is not None]
    assert all(np.array_equal(one, other) for one, other in zip(drawn, again, strict=True))


def test_every_row_is_as_likely_as_any_other() -> None:
    times = np.zeros(5_000)
    for number in range(400):
        one, other = scored_rows.evaluated_rows([(f"{number:016x}", 4_000), (f"{number:015x}f", 1_000)])
        assert one is not None
        assert other is not None
        times[one] += 1
        times[4_000 + other] += 1
    share = MOST / 5_000
    assert abs(times - 400 * share).max() < 6 * np.sqrt(400 * share * (1 - share))


@pytest.mark.parametrize("kind", [np.str_, np.int64])
def test_whole_groups_evaluate(kind: Any) -> None:
    groups = np.random.default_rng(7).integers(0, 2_000, 10_000).astype(kind)
    parts = [groups[:8_000], groups[8_000:]]
    found = scored_rows.evaluated_rows([("0" * 16, 8_000), ("1" * 16, 2_000)], groups=parts)
    for rows, part in zip(found, parts, strict=True):
        assert rows is not None
        np.testing.assert_array_equal(np.flatnonzero(np.isin(part, part[rows])), rows)
    assert 0.7 * MOST < sum(len(rows) for rows in found if rows is not None) < 1.3 * MOST


@settings(max_examples=50, deadline=None)
@given(revisions, st.integers(1, 3))
def test_of_a_few_large_groups_at_least_one_is_there(revision: str, kinds: int) -> None:
    groups = np.arange(200 * MOST) % kinds
    for found in (
        scored_rows.evaluated_rows([(revision, len(groups))], groups=[groups]),
        scored_rows.scored_rows(revision, [len(groups)], groups=[groups]),
    ):
        (rows,) = found
        assert rows is not None
        assert len(rows)
        np.testing.assert_array_equal(np.flatnonzero(np.isin(groups, groups[rows])), rows)


def refs(*counts: int) -> list[tuple[SliceRef, int]]:
    return [
        (SliceRef(key=f"2013-01-{at:02}", revision=f"{at:016x}", rows=5 * count), count)
        for at, count in enumerate(counts)
    ]


def held(count: int, *, groups: npt.NDArray[Any] | None = None) -> Examples:
    x = np.arange(count, dtype=np.float32)
    return Examples(inputs={"x": x}, labels=(x % 2), segments={"half": (x % 2).astype(str)}, groups=groups)


def test_few_rows_are_evaluated_as_they_are() -> None:
    rows = held(MOST)
    found = evaluated_on(rows, refs(400, 600))
    assert found.examples is rows
    assert (found.counts, found.numbers, found.held_out) == ((400, 600), None, MOST)


@pytest.mark.parametrize("grouped", [False, True])
def test_what_is_drawn_of_each_slice_is_what_is_there(grouped: bool) -> None:
    groups = np.char.add("q", (np.arange(4_000) // 7).astype(str)) if grouped else None
    found = evaluated_on(held(4_000, groups=groups), refs(2_500, 0, 1_500))
    assert found.numbers is not None
    assert found.held_out == 4_000
    np.testing.assert_array_equal(found.examples.inputs["x"], found.numbers)
    assert sum(found.counts) == found.examples.rows == len(found.numbers)
    start = 0
    for before, rows, count in zip((0, 2_500, 2_500), found.by_slice, found.counts, strict=True):
        assert rows is not None
        np.testing.assert_array_equal(found.numbers[start : start + count], before + rows)
        start += count


def data_of(found: EvaluatedOn, every: Examples, slices: Sequence[tuple[SliceRef, int]]) -> TrainingData:
    train, at, places = held(100), 0, {}
    for ref, count in slices:
        places[ref.key] = (slice(0, 100), slice(at, at + count))
        at += count
    return TrainingData(
        train=train,
        holdout=found.examples,
        held_out=every,
        slices=places,
        learn=train,
        drawn={
            ref.key: rows for (ref, _), rows in zip(slices, found.by_slice, strict=True) if rows is not None
        },
    )


@pytest.mark.parametrize("unseen", [0, 1, 2])
def test_the_champion_is_asked_about_the_rows_that_evaluate_and_its_scores_stay_what_they_are_alone(
    pipeline: Pipeline, store: Store, unseen: int
) -> None:
    """Slices that come with others have rows drawn of them; a score has what it has by itself."""
    slices = refs(700, 1_400)

    def ask(several: Sequence[Rows]) -> Answers:
        return Answers(
            scores=[np.sin(np.asarray(one.inputs["x"][slice(0, one.count)], float)) for one in several]
        )

    def scored(some: Sequence[tuple[SliceRef, int]], every: Examples, keys: Sequence[str]) -> Any:
        found = evaluated_on(every, some)
        data = data_of(found, every, some)
        version = VersionState.opened(
            CandidateStarted(version=1, candidate="0" * 16, parent=None, slices=tuple(ref for ref, _ in some))
        )
        rows = StoredRows(pipeline, store)
        return found, slices_of(data), score(ask, pipeline, rows, version, data, unseen=keys)

    every = held(2_100)
    found, keys, champion = scored(slices, every, [ref.key for ref, _ in slices[:unseen]])
    assert champion.holdout is not None
    np.testing.assert_array_equal(champion.holdout, np.sin(np.asarray(found.examples.inputs["x"], float)))
    assert [(keys == ref.key).sum() for ref, _ in slices] == list(found.counts)
    for at, (ref, count) in enumerate(slices[:unseen]):
        alone = every.take(slice(0, 700) if not at else slice(700, 2_100))
        *_, by_itself = scored([(ref, count)], alone, [ref.key])
        assert champion.slices[ref.key] == by_itself.slices[ref.key]
        assert champion.scored_rows.get(ref.key) == by_itself.scored_rows.get(ref.key)


def drawn(count: int, drawn_from: int | None) -> EvaluatedRows:
    label = np.arange(count) % 2.0
    past = Past(
        slice=np.full(count, "2012"), label=label, candidate=label, champion=None, drawn_from=drawn_from
    )
    return EvaluatedRows(
        label=label,
        candidate=label,
        slice_key="2013",
        rows="holdout of slice 2013",
        past=past,
        drawn_from=drawn_from,
    )


def test_the_evaluation_and_its_report_say_of_how_many_rows_these_were_drawn() -> None:
    rows = drawn(1_000, 3_000)
    kept = EvaluatedRows.from_table(rows.to_table(), past=Past.from_table(rows.past.to_table()))  # type: ignore[union-attr]
    found = evaluate_all([AtLeast("auc", 0.5)], kept)
    assert (found.drawn_from, found.past_drawn_from) == (3_000, 3_000)
    assert "Drawn: 1,000 of 3,000 rows" in found.message
    assert "Drawn of slices consumed before: 1,000 of 3,000 rows" in found.message
    assert Evaluation.from_json(found.to_json()) == found
    page = report_html(report_values(kept, found, model="m", version=1, champion=None, metric="auc"))
    assert "Evaluated on 1,000 drawn of 3,000 rows" in page


def test_where_all_rows_evaluate_nothing_more_is_kept() -> None:
    rows = drawn(1_000, None)
    found = evaluate_all([AtLeast("auc", 0.5)], rows)
    assert not any("drawn" in name for name in found.to_json())
    assert "rawn" not in found.message
    assert rows.past is not None
    for table in (rows.to_table(), rows.past.to_table()):
        assert not any(b"drawn" in value for value in table.schema.metadata.values())


@pytest.mark.parametrize("drawn_from", [999, True, 1e6])
def test_rows_are_drawn_from_at_least_as_many(drawn_from: Any) -> None:
    with pytest.raises(BadInput, match="drawn_from"):
        replace(drawn(1_000, None), drawn_from=drawn_from)
