"""Two revisions of a slice: what one has that the other has not, and what columns are like."""

from __future__ import annotations

import math
from collections import Counter
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ckpt_ops.slices.difference import row_changes
from ckpt_ops.slices.profile import MOST_DISTINCT, head, profile
from ckpt_ops.slices.reading import StagedSlice

rows = st.lists(
    st.tuples(st.none() | st.integers(0, 3), st.none() | st.sampled_from(["a", "b", "\x1f", "None"])),
    max_size=12,
)


@pytest.fixture
def stage(tmp_path: Path):
    def stored(table: pa.Table, *, name: str = "a", group: int = 4) -> StagedSlice:
        path = tmp_path / f"{name}.parquet"
        pq.write_table(table, path, row_group_size=group)
        return StagedSlice(schema=table.schema, rows=table.num_rows, files=(path,))

    return stored


def table_of(values: list[tuple[int | None, str | None]]) -> pa.Table:
    numbers, message = ([one[at] for one in values] for at in (0, 1))
    return pa.table({"n": pa.array(numbers, pa.int64()), "word": pa.array(message, pa.string())})


@given(was=rows, now=rows)
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=60)
def test_rows_are_compared_as_a_multiset(stage, was, now) -> None:
    found = row_changes(stage(table_of(was), name="was"), stage(table_of(now), name="now", group=3))
    gone, new = Counter(was) - Counter(now), Counter(now) - Counter(was)
    assert (found.gone, found.new) == (gone.total(), new.total())
    assert {tuple(row.values()) for row in found.examples_gone} <= set(gone)
    assert bool(found.examples_new) == bool(new)


def test_only_what_both_have_in_the_same_type_is_compared(stage) -> None:
    was = stage(pa.table({"n": [1, 2], "gone": ["x", "y"], "kind": [1, 2]}), name="was")
    now = stage(pa.table({"n": [2, 3], "kind": [1.0, 2.0], "new": [True, True]}), name="now")
    found = row_changes(was, now)
    assert (found.compared, found.gone, found.new) == (("n",), 1, 1)
    assert (found.examples_gone, found.examples_new) == (({"n": 1},), ({"n": 3},))
    assert row_changes(was, stage(pa.table({"z": [1]}), name="z")).compared == ()


def test_the_statistics_of_each_column(stage) -> None:
    slice_ = stage(
        pa.table(
            {
                "n": pa.array([3, None, 1, 3], pa.int32()),
                "x": [0.5, math.nan, None, 2.5],
                "word": pa.array(["b", "a", None, "b"]).dictionary_encode(),
                "list": [[1], None, [2], []],
                "nothing": pa.nulls(4),
            }
        ),
        group=2,
    )
    n, x, word, list_, nothing = profile(slice_)
    assert (n.nulls, n.distinct, n.min, n.max, n.mean) == (1, 2, 1, 3, pytest.approx(7 / 3))
    assert (x.nulls, x.distinct, x.min, x.max, x.mean) == (1, 3, 0.5, 2.5, 1.5)
    assert (word.nulls, word.distinct, word.min, word.max, word.mean) == (1, 2, "a", "b", None)
    assert (list_.nulls, list_.distinct, list_.min) == (1, None, None)
    assert (nothing.nulls, nothing.distinct, nothing.min) == (4, 0, None)
    assert [row["n"] for row in head(slice_, 3)] == [3, None, 1]
    many = stage(pa.table({"n": range(MOST_DISTINCT + 1)}), name="many", group=500)
    assert profile(many)[0].distinct is None
