"""The newest rows of a slice are told by one column of it, over all of its row groups together."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

import pyarrow as pa
import pytest

from ckpt_ops.candidates.slice_rows import held_out
from ckpt_ops.errors import ModelCodeError
from ckpt_ops.pipeline import Pipeline
from ckpt_ops.training import Latest
from demo.flights import weeks

WEEK = "2013-01-13"


class Groups:
    """A table, so many rows a group; which columns of it were asked for."""

    def __init__(self, table: pa.Table, size: int) -> None:
        self._table, self._size = table, size
        self.asked: list[Sequence[str] | None] = []

    def count(self, key: str, revision: str) -> int:
        return int(self._table.num_rows)

    def groups(
        self, key: str, revision: str, columns: Sequence[str] | None = None
    ) -> Iterator[tuple[pa.Table, int]]:
        self.asked.append(columns)
        there = [name for name in columns or self._table.column_names if name in self._table.column_names]
        for start in range(0, self._table.num_rows, self._size):
            yield self._table.slice(start, self._size).select(there), start


def newest(pipeline: Pipeline, table: pa.Table, size: int) -> tuple[list[bool], list[Sequence[str] | None]]:
    rows = Groups(table, size)
    told = replace(pipeline, holdout=Latest(0.2, by="time_hour"))
    return held_out(told, rows, WEEK, "0" * 16).tolist(), rows.asked


@pytest.mark.parametrize("size", [10_000, 1_000, 7])
def test_a_week_in_row_groups_of_any_size_is_cut_at_one_hour(pipeline: Pipeline, size: int) -> None:
    week = weeks()[WEEK]
    mask, asked = newest(pipeline, week, size)
    assert asked == [["time_hour"]], "only that column is read, once"
    times = week["time_hour"].to_pylist()
    cut = min(time for time, out in zip(times, mask, strict=True) if out)
    assert mask == [time >= cut for time in times]
    assert 0.2 <= sum(mask) / len(mask) < 0.21
    assert f"{cut:%a %H}" == "Fri 17"


def test_a_slice_without_rows_has_none_to_hold_out(pipeline: Pipeline) -> None:
    assert newest(pipeline, weeks()[WEEK].slice(0, 0), 10)[0] == []


def test_a_slice_let_in_without_the_column_or_with_text_in_it_is_refused(
    pipeline: Pipeline,
) -> None:
    week = weeks()[WEEK].slice(0, 20)
    with pytest.raises(ModelCodeError, match=f"slice {WEEK} has no column 'time_hour'.*flight_delay"):
        newest(pipeline, week.drop_columns("time_hour"), 10)
    at = week.schema.get_field_index("time_hour")
    text = week.set_column(at, "time_hour", week["time_hour"].cast(pa.string()))
    with pytest.raises(ModelCodeError, match="has column 'time_hour' as string, by whose values"):
        newest(pipeline, text, 10)
