"""The rows that are evaluated: read as often as needed, any of their columns, some rows at a time."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol

import pyarrow as pa


class SliceRows(Protocol):
    """A slice, or a stand-in for one. `slices.StagedSlice` is one."""

    @property
    def schema(self) -> pa.Schema:
        """The columns as they came."""
        ...

    @property
    def rows(self) -> int:
        """How many there are."""
        ...

    def batches(self, columns: Sequence[str] | None = None) -> Iterator[pa.RecordBatch]:
        """All rows in order; only these columns of them, in this order, or all."""
        ...


@dataclass(frozen=True, kw_only=True)
class TableRows:
    """A table in memory.

    Attributes:
        batch_rows: rows at a time.
    """

    table: pa.Table
    batch_rows: int = 125_000

    @property
    def schema(self) -> pa.Schema:
        """See `SliceRows`."""
        return self.table.schema

    @property
    def rows(self) -> int:
        """See `SliceRows`."""
        return int(self.table.num_rows)

    def batches(self, columns: Sequence[str] | None = None) -> Iterator[pa.RecordBatch]:
        """See `SliceRows`."""
        table = self.table if columns is None else self.table.select(list(columns))
        yield from table.combine_chunks().to_batches(max_chunksize=self.batch_rows)


def nullable_columns(rows: SliceRows, columns: Sequence[str]) -> frozenset[str]:
    """The ones of `columns` with a null in some row. Each is read up to its first batch with one."""
    return frozenset(
        name for name in columns if any(batch.column(0).null_count for batch in rows.batches([name]))
    )


def chunks(rows: SliceRows, columns: Sequence[str], size: int) -> Iterator[pa.Table]:
    """The rows, `size` at a time, fewer at the end."""
    pieces: list[pa.RecordBatch] = []
    count = 0
    for batch in rows.batches(columns):
        while batch.num_rows:
            piece = batch.slice(0, size - count)
            batch = batch.slice(piece.num_rows)
            pieces.append(piece)
            count += piece.num_rows
            if count == size:
                yield pa.Table.from_batches(pieces)
                pieces, count = [], 0
    if pieces:
        yield pa.Table.from_batches(pieces)


def whole(rows: SliceRows, columns: Sequence[str]) -> pa.Table:
    """All rows of these columns as one table."""
    schema = pa.schema([rows.schema.field(name) for name in columns])
    return pa.Table.from_batches(rows.batches(columns), schema=schema)
