"""Which rows of large slices a champion is scored on, and a candidate is evaluated on: at most 4,194,304.

A metric of so many rows is sure to a thousandth (of an AUC the standard deviation is below 0.0003), and a
slice has as many rows as it has. So neither the time nor the memory of a score, or of an evaluation, grows
further. The rows are drawn evenly, by the revisions of the slices: whoever looks again draws the same.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from blake3 import blake3

from ckpt_ops.lists import ListColumn

MOST_ROWS = 2**22
_BLOCK = 2**18
_SCORED, _EVALUATED = 4, 5  # streams of their own: a score and an evaluation draw apart

RowNumbers = npt.NDArray[np.int64]


def scored_rows(
    revision: str, parts: Sequence[int], *, groups: Sequence[npt.NDArray[Any] | None] = ()
) -> list[RowNumbers | None]:
    """By part of a slice, the rows that are scored, ascending; None for all of it.

    A function of the slice's revision and of how many rows `examples()` keeps. Of a slice with groups, whole
    groups are drawn: a query of which rows are missing would be ranked by what is left of it.

    Args:
        parts: how many rows each part has: those to train on and those held out.
        groups: of each part, where there are any.
    """
    total = sum(parts)
    if total <= MOST_ROWS:
        return [None] * len(parts)
    if any(part is not None for part in groups):
        return _whole_groups([(revision, part) for part in groups], MOST_ROWS / total)
    generator, left = _generator(revision, _SCORED), _Left(rows=total, wanted=MOST_ROWS)
    return [np.concatenate([np.empty(0, np.int64), *_drawn(generator, rows, left)]) for rows in parts]


def are_too_many(rows: int) -> bool:
    """Whether so many rows are not all asked about, for a score or for an evaluation."""
    return rows > MOST_ROWS


def evaluated_rows(
    slices: Sequence[tuple[str, int]], *, groups: Sequence[npt.NDArray[Any] | None] = ()
) -> list[RowNumbers | None]:
    """By slice, which of its held-out rows evaluate a candidate, ascending; None for all of them.

    Of all slices together they are at most 4,194,304, of each its share; with groups about so many, in whole
    groups. A function of the slices' revisions, in order, and of how many rows `examples()` keeps.

    Args:
        slices: revision, and how many rows of it are held out.
        groups: of each slice's rows, where there are any.
    """
    total = sum(rows for _, rows in slices)
    if total <= MOST_ROWS:
        return [None] * len(slices)
    if any(part is not None for part in groups):
        revisions = (revision for revision, _ in slices)
        return _whole_groups(list(zip(revisions, groups, strict=True)), MOST_ROWS / total)
    left = _Left(rows=total, wanted=MOST_ROWS)
    return [
        np.concatenate([np.empty(0, np.int64), *_drawn(_generator(revision, _EVALUATED), rows, left)])
        for revision, rows in slices
    ]


def _generator(revision: str, stream: int) -> np.random.Generator:
    return np.random.Generator(np.random.PCG64([int(revision[:16], 16), stream]))


@dataclass
class _Left:
    """What is still to be drawn, of how many rows."""

    rows: int
    wanted: int


def _drawn(generator: np.random.Generator, rows: int, left: _Left) -> Iterator[RowNumbers]:
    """A block at a time, its share of what is left: a draw from all rows would number all of them."""
    for start in range(0, rows, _BLOCK):
        size = min(_BLOCK, rows - start)
        wanted = left.wanted * size // left.rows
        left.rows, left.wanted = left.rows - size, left.wanted - wanted
        yield start + np.sort(generator.choice(size, wanted, replace=False))


def _whole_groups(
    parts: Sequence[tuple[str, npt.NDArray[Any] | None]], share: float
) -> list[RowNumbers | None]:
    """About that share of the groups of all parts, each a revision and its rows' groups; at least one."""
    found = [None if of is None else _by_group(revision, of, share) for revision, of in parts]
    if any(rows is not None and len(rows) for rows in found):
        return found
    lowest = [_lowest(revision, of) for revision, of in parts if of is not None]
    share = np.nextafter(min(lowest, default=0.0), 1.0)
    return [None if of is None else _by_group(revision, of, share) for revision, of in parts]


def _by_group(revision: str, groups: npt.NDArray[Any], share: float) -> RowNumbers:
    found = [np.empty(0, np.int64)]
    for start, numbers, inverse in _numbered(revision, groups):
        found.append(start + np.flatnonzero((numbers < share)[inverse]))
    return np.concatenate(found)


def _lowest(revision: str, groups: npt.NDArray[Any]) -> float:
    return min((float(numbers.min()) for _, numbers, _ in _numbered(revision, groups)), default=1.0)


def _numbered(
    revision: str, groups: npt.NDArray[Any]
) -> Iterator[tuple[int, npt.NDArray[np.float64], RowNumbers]]:
    """A block of rows at a time: its first row, the number of each group in it, and which one a row has."""
    for start in range(0, len(groups), _BLOCK):
        known, inverse = np.unique(groups[start : start + _BLOCK], return_inverse=True)
        yield start, np.array([_uniform(f"{revision}:{one}") for one in known.tolist()]), inverse


def _uniform(text: str) -> float:
    """A number from 0 to 1 that follows from the text."""
    return int.from_bytes(blake3(text.encode()).digest(8), "big") / 2**64


class Picked:
    """Some rows of a column, read when a slice of them is asked for: never copied as a whole."""

    def __init__(self, column: Any, rows: RowNumbers) -> None:
        self._column, self._rows = column, rows

    def __len__(self) -> int:
        return len(self._rows)

    def __getitem__(self, some: slice) -> Any:
        return self._column[self._rows[some]]

    @property
    def dtype(self) -> Any:
        return self._column.dtype

    @property
    def shape(self) -> tuple[int | None, ...]:
        return (len(self), *self._column.shape[1:])


def picked(column: Any, rows: RowNumbers | None) -> Any:
    """The rows of a column: of an array as `Picked`, of lists a column of lists. None: the column itself."""
    if rows is None:
        return column
    return column[rows] if isinstance(column, ListColumn) else Picked(column, rows)
