"""Statistics of a stored slice's columns, in one pass over its rows."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from ckpt_ops.slices.reading import StagedSlice

MOST_DISTINCT = 1_000
"""Distinct values that are counted one by one."""


@dataclass(frozen=True, kw_only=True)
class ColumnProfile:
    """What the values of a column are like.

    Attributes:
        type: Arrow's name for it.
        nulls: rows without a value. NaN is one.
        distinct: how many values there are beside null; None when more than `MOST_DISTINCT`, or not counted.
        min, max: None without a value, or of a type that has no order. NaN is left out.
        mean: of numbers; None of anything else.
    """

    name: str
    type: str
    rows: int
    nulls: int
    distinct: int | None
    min: Any = None
    max: Any = None
    mean: float | None = None


def profile(rows: StagedSlice) -> list[ColumnProfile]:
    """Of each column, in order. Memory is bounded by a row group and `MOST_DISTINCT` values a column."""
    seen = [_Column(field) for field in rows.schema]
    for batch in rows.batches():
        for column, values in zip(seen, batch.columns, strict=True):
            column.add(values)
    return [column.profile() for column in seen]


def head(rows: StagedSlice, count: int) -> list[dict[str, Any]]:
    """The first rows, by column name."""
    found: list[dict[str, Any]] = []
    for batch in _up_to(rows, count):
        found += batch.to_pylist()
    return found[:count]


def _up_to(rows: StagedSlice, count: int) -> Iterator[pa.RecordBatch]:
    left = count
    for batch in rows.batches():
        if left <= 0:
            return
        yield batch.slice(0, left)
        left -= batch.num_rows


class _Column:
    """What is known of a column so far."""

    def __init__(self, field: pa.Field) -> None:
        self._name, self._type = field.name, field.type
        self._rows = self._nulls = self._numbers = 0
        self._total = 0.0
        self._distinct: set[Any] | None = set()
        self._low: Any = None
        self._high: Any = None

    def add(self, values: pa.Array) -> None:
        if pa.types.is_dictionary(values.type):
            values = values.dictionary_decode()
        self._rows += len(values)
        self._nulls += values.null_count
        kind, there = values.type, pc.drop_null(values)
        if not len(there):
            return
        self._count(there)
        if pa.types.is_floating(kind):
            there = there.filter(pc.invert(pc.is_nan(there)))
        if pa.types.is_nested(kind) or not len(there):
            return
        try:
            found = pc.min_max(there).as_py()
        except pa.ArrowException:  # a type that has no order
            return
        self._low = found["min"] if self._low is None else min(self._low, found["min"])
        self._high = found["max"] if self._high is None else max(self._high, found["max"])
        if pa.types.is_integer(kind) or pa.types.is_floating(kind):
            self._numbers += len(there)
            self._total += pc.sum(there.cast(pa.float64())).as_py()

    def _count(self, there: pa.Array) -> None:
        if self._distinct is None:
            return
        if pa.types.is_nested(there.type):
            self._distinct = None
            return
        found = pc.unique(there)
        if len(found) <= MOST_DISTINCT:
            nan = "nan"  # two NaNs are no equal values, and count once
            values = found.to_pylist()
            self._distinct |= {nan if isinstance(one, float) and math.isnan(one) else one for one in values}
        if len(found) > MOST_DISTINCT or len(self._distinct) > MOST_DISTINCT:
            self._distinct = None

    def profile(self) -> ColumnProfile:
        return ColumnProfile(
            name=self._name,
            type=str(self._type),
            rows=self._rows,
            nulls=self._nulls,
            distinct=None if self._distinct is None else len(self._distinct),
            min=self._low,
            max=self._high,
            mean=self._total / self._numbers if self._numbers else None,
        )
