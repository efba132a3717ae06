"""Which rows of a large slice a champion is scored on: at most 4,194,304 of them, drawn evenly.

A score from so many rows is sure to a thousandth (of an AUC the standard deviation is below 0.0003), and a
slice has as many rows as it has. So neither the time nor the memory of a score grows further.
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
_STREAM = 4

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
        share = MOST_ROWS / total
        return [None if part is None else _by_group(revision, part, share) for part in groups]
    generator = np.random.Generator(np.random.PCG64([int(revision[:16], 16), _STREAM]))
    left = _Left(rows=total, wanted=MOST_ROWS)
    return [np.concatenate([np.empty(0, np.int64), *_drawn(generator, rows, left)]) for rows in parts]


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


def _by_group(revision: str, groups: npt.NDArray[Any], share: float) -> RowNumbers:
    found = [np.empty(0, np.int64)]
    for start in range(0, len(groups), _BLOCK):
        known, inverse = np.unique(groups[start : start + _BLOCK], return_inverse=True)
        chosen = np.array([_uniform(f"{revision}:{one}") < share for one in known.tolist()], np.bool_)
        found.append(start + np.flatnonzero(chosen[inverse]))
    return np.concatenate(found)


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
