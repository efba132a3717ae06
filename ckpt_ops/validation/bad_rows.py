"""Rows that fail what is asked of each row, and are set aside rather than spoil the slice."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from ckpt_ops.validation.rows import SliceRows

ROW, REASONS = "_row", "_reasons"
RowNumbers = npt.NDArray[np.int64]


@dataclass(frozen=True, kw_only=True, eq=False)
class BadRows:
    """Which rows, and why.

    Attributes:
        by_reason: by what is asked of a row, in words, the numbers of those that fail it, ascending.
    """

    by_reason: Mapping[str, RowNumbers] = field(default_factory=dict)

    @property
    def numbers(self) -> RowNumbers:
        """All of them, ascending, each once; shape (rows,)."""
        return np.unique(np.concatenate([np.empty(0, np.int64), *self.by_reason.values()]))

    def table(self, rows: SliceRows) -> Iterator[pa.Table]:
        """The bad rows with all their columns, `_row` (their number) and `_reasons` (list of text)."""
        numbers = self.numbers
        for start, batch in _numbered(rows):
            first, last = np.searchsorted(numbers, (start, start + batch.num_rows))
            if last > first:
                here = numbers[first:last]
                table = pa.Table.from_batches([batch]).take(pa.array(here - start))
                reasons = [
                    [why for why, failed in self.by_reason.items() if _in(failed, row)] for row in here
                ]
                yield table.append_column(ROW, pa.array(here)).append_column(
                    REASONS, pa.array(reasons, pa.list_(pa.string()))
                )

    def rest(self, rows: SliceRows) -> Iterator[pa.RecordBatch]:
        """The other rows, in order."""
        numbers = self.numbers
        for start, batch in _numbered(rows):
            first, last = np.searchsorted(numbers, (start, start + batch.num_rows))
            keep = np.ones(batch.num_rows, np.bool_)
            keep[numbers[first:last] - start] = False
            yield batch.filter(pa.array(keep))


def _numbered(rows: SliceRows) -> Iterator[tuple[int, pa.RecordBatch]]:
    start = 0
    for batch in rows.batches():
        yield start, batch
        start += batch.num_rows


def _in(numbers: RowNumbers, row: int) -> bool:
    at = int(np.searchsorted(numbers, row))
    return at < len(numbers) and bool(numbers[at] == row)
