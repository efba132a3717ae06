"""What a look at some slices says of each column: numbers only, no judgement."""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

MOST_VALUES = 25
"""A text column with no more distinct values is taken for a category."""

_MOST_KEY_COLUMNS = 4
_TELLING = 10


@dataclass(frozen=True, kw_only=True)
class Looked:
    """Rows of one slice.

    Attributes:
        table: the rows that were read, in the declared types.
        whole: it has no more.
        sample: those of them that are kept as sample data; None when the slice is not.
    """

    key: str
    table: pa.Table
    whole: bool = True
    sample: pa.Table | None = None


@dataclass(frozen=True, kw_only=True)
class Column:
    """One column over all slices that were looked at.

    Attributes:
        rows: by slice.
        null_shares: by slice, and of what is kept of it as a sample.
        ranges: by slice that has a value: its least and largest; none for what has no order.
        values: distinct values by slice, for a category; None when there are more than `MOST_VALUES`.
        distinct: values that are told apart, by slice.
        new_shares: of text, by slice but the first: the share of its values that no slice before it has.
    """

    name: str
    type: pa.DataType
    rows: tuple[int, ...]
    null_shares: tuple[float, ...]
    ranges: tuple[tuple[Any, Any], ...]
    values: tuple[tuple[str, ...], ...] | None
    distinct: tuple[int, ...]
    new_shares: tuple[float, ...] = ()

    @property
    def least(self) -> Any:
        """Of all slices; None without a value."""
        return min((low for low, _ in self.ranges), default=None)

    @property
    def largest(self) -> Any:
        """Of all slices; None without a value."""
        return max((high for _, high in self.ranges), default=None)

    @property
    def counts(self) -> bool:
        """Whole numbers that nearly all differ: an id rather than a measure."""
        return pa.types.is_integer(self.type) and sum(self.distinct) > 0.9 * sum(self.rows) > 0

    @property
    def varies_by_slice(self) -> bool:
        """It rises from slice to slice, or has one value a slice: it follows the time, as a year does."""
        if len(self.ranges) < 2:
            return False
        rises = all(before[1] < after[0] for before, after in itertools.pairwise(self.ranges))
        return rises or all(low == high for low, high in self.ranges)


def columns_of(schema: pa.Schema, slices: Sequence[Looked]) -> list[Column]:
    """Every declared column, in order."""
    return [
        _column(
            field,
            [looked.table[field.name] for looked in slices],
            [looked.sample[field.name] for looked in slices if looked.sample is not None],
        )
        for field in schema
    ]


def key_of(columns: Sequence[Column], slices: Sequence[Looked], *, at_least: int = 50) -> tuple[str, ...]:
    """The columns that tell all rows apart, in every slice; none when there are none, or too few rows.

    A single one where there is one, the first of those called an id before others; else up to four, taken
    by how many rows each tells apart, if that is more than chance: columns of many values each tell most
    rows apart without being a key. Columns with nulls, and numbers with a fraction, are no keys.
    """
    if sum(looked.table.num_rows for looked in slices) < at_least:
        return ()
    fit = [column for column in columns if _may_tell_apart(column)]
    rows = [looked.table.num_rows for looked in slices]
    single = [
        column for column in fit if list(column.distinct) == rows and not pa.types.is_temporal(column.type)
    ]
    if single:
        return (min(single, key=lambda column: not column.name.lower().endswith(("id", "key", "uuid"))).name,)
    chosen: list[str] = []
    apart = 0
    ordered = sorted(fit, key=lambda column: -sum(column.distinct))
    while len(chosen) < _MOST_KEY_COLUMNS:
        scores = {
            column.name: sum(_groups(looked.table, [*chosen, column.name]) for looked in slices)
            for column in ordered[:12]
            if column.name not in chosen
        }
        best = max(scores, key=lambda name: scores[name], default=None)
        if best is None or scores[best] <= apart:
            return ()
        chosen.append(best)
        apart = scores[best]
        if apart == sum(rows):
            return tuple(chosen) if _twins_by_chance(chosen, columns) >= _TELLING else ()
    return ()


def _twins_by_chance(names: Sequence[str], columns: Sequence[Column]) -> float:
    """How many pairs of rows would be equal if the columns were independent."""
    chosen = [column for column in columns if column.name in names]
    cells = [math.prod(counts) for counts in zip(*(column.distinct for column in chosen), strict=True)]
    return sum((rows**2 / (2 * count) for rows, count in zip(chosen[0].rows, cells, strict=True)), 0.0)


def _column(field: pa.Field, pieces: Sequence[pa.ChunkedArray], samples: Sequence[pa.ChunkedArray]) -> Column:
    types = pa.types
    if types.is_float16(field.type):  # Arrow neither orders nor counts its values
        pieces = [piece.cast(pa.float32()) for piece in pieces]
    ordered = types.is_integer(field.type) or types.is_floating(field.type) or types.is_decimal(field.type)
    ordered = ordered or types.is_date(field.type) or types.is_timestamp(field.type)
    text = types.is_string(field.type) or types.is_large_string(field.type)
    ranges = []
    for piece in pieces if ordered else ():
        finite = piece.filter(pc.is_finite(piece)) if types.is_floating(field.type) else piece
        found = pc.min_max(finite).as_py()
        if found["min"] is not None:
            ranges.append((found["min"], found["max"]))
    countable = not types.is_nested(field.type)
    values = (
        tuple(tuple(sorted(pc.unique(piece.drop_null()).to_pylist())) for piece in pieces) if text else None
    )
    return Column(
        name=field.name,
        type=field.type,
        rows=tuple(len(piece) for piece in pieces),
        null_shares=tuple(piece.null_count / len(piece) for piece in [*pieces, *samples] if len(piece)),
        ranges=tuple(ranges),
        values=values if values and len({*itertools.chain(*values)}) <= MOST_VALUES else None,
        distinct=tuple(pc.count_distinct(piece).as_py() if countable else 0 for piece in pieces),
        new_shares=_new_shares(pieces) if text else (),
    )


def _new_shares(pieces: Sequence[pa.ChunkedArray]) -> tuple[float, ...]:
    """Of each piece but the first, how many of its values, nulls aside, are in none before it."""
    shares = []
    known = pc.unique(pieces[0].drop_null())
    for piece in pieces[1:]:
        there = piece.drop_null()
        seen = pc.sum(pc.is_in(there, value_set=known)).as_py() or 0
        shares.append((len(there) - seen) / len(there) if len(there) else 0.0)
        known = pc.unique(pa.chunked_array([known, *there.chunks]))
    return tuple(shares)


def _may_tell_apart(column: Column) -> bool:
    types = pa.types
    kinds = (types.is_integer, types.is_string, types.is_large_string, types.is_temporal)
    return not any(column.null_shares) and any(is_kind(column.type) for is_kind in kinds)


def _groups(table: pa.Table, names: Sequence[str]) -> int:
    return int(table.group_by(list(names)).aggregate([]).num_rows)
