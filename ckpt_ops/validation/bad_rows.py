"""Rows that fail an expectation on single rows, and are set aside rather than spoil the slice."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from ckpt_ops.validation.messages import row_message
from ckpt_ops.validation.rows import SliceRows
from ckpt_ops.validation.suite import Suite

ROW, REASONS = "_row", "_reasons"
RowNumbers = npt.NDArray[np.int64]


@dataclass(frozen=True, kw_only=True, eq=False)
class BadRows:
    """Which rows, and why.

    Attributes:
        by_reason: by what a row fails, as text, the numbers of the rows that fail it, ascending.
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


@dataclass(frozen=True, kw_only=True)
class UnreadRows:
    """Rows that do not parse: they are bad rows of the slice as well, without a number among the others.

    Attributes:
        examples: a message on some of them, a line each.
        where: where they are kept.
    """

    rows: int = 0
    examples: tuple[str, ...] = ()
    where: str = ""


class Failing:
    """Collects bad rows as they are found.

    A byte per row of the slice says which are bad, so that their count is exact however many there are.
    Their numbers by reason are kept only while there are few enough to be set aside. Reasons come in the
    order of the suite, whatever was evaluated first.

    Args:
        rows: of the slice.
        at_most: how many of them may be set aside.
    """

    def __init__(self, rows: int, at_most: float) -> None:
        self._bad = np.zeros(rows, np.bool_)
        self._at_most = at_most
        self._by_place: dict[int, list[RowNumbers]] = {}
        self.count = 0

    def add(self, at: int, numbers: RowNumbers) -> None:
        """Add rows that fail the expectation at that place in the suite. The same ones may be added again."""
        self._bad[numbers] = True
        self.count = int(np.count_nonzero(self._bad))
        if self.too_many:
            self._by_place.clear()
        elif len(numbers):
            self._by_place.setdefault(at, []).append(numbers)

    def add_bad(self, numbers: RowNumbers) -> None:
        """Add rows that fail something: what they fail was added before, where there are few enough."""
        self._bad[numbers] = True
        self.count = int(np.count_nonzero(self._bad))
        if self.too_many:
            self._by_place.clear()

    @property
    def too_many(self) -> bool:
        """More than may be set aside."""
        return self.count > self._at_most

    @property
    def numbers(self) -> RowNumbers:
        """All of them, however many, ascending."""
        return np.flatnonzero(self._bad)

    @property
    def by_place(self) -> dict[int, RowNumbers]:
        """By place in the suite, the rows that fail it, ascending; none when there are too many."""
        return {at: np.unique(np.concatenate(self._by_place[at])) for at in sorted(self._by_place)}

    def rows(self, suite: Suite) -> BadRows:
        """The rows found; none when there are too many."""
        by_reason: dict[str, list[RowNumbers]] = {}
        for at, numbers in self.by_place.items():
            by_reason.setdefault(row_message(suite.expectations[at]), []).append(numbers)
        return BadRows(by_reason={why: np.unique(np.concatenate(found)) for why, found in by_reason.items()})


def _numbered(rows: SliceRows) -> Iterator[tuple[int, pa.RecordBatch]]:
    start = 0
    for batch in rows.batches():
        yield start, batch
        start += batch.num_rows


def _in(numbers: RowNumbers, row: int) -> bool:
    at = int(np.searchsorted(numbers, row))
    return at < len(numbers) and bool(numbers[at] == row)
