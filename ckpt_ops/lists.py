"""Columns whose rows are lists of unequal length, such as the words of a text or the films a person saw last.

A `ListColumn` is used like an array: it has rows, a shape, a dtype, and gives a column back for some of its
rows. A model takes arrays, so each batch of it is `dense`: a function of the batch alone.

Numbers for each position, as labels and predictions of sequences are, come as *cells*: an array of objects,
shape (rows,), each an array of shape (length,) or (length, k). Like any array they are cut, joined, and made
a field beside other outputs (`ckpt_ops.outputs`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[Any]


@dataclass(frozen=True, kw_only=True, eq=False)
class ListColumn:
    """Rows of lists.

    Attributes:
        values: shape (values, ...): what lists hold, one after the other, in any order of rows; an array, or
            a `texts.TextColumn`.
        starts, lengths: shape (rows,): where in `values` the list of a row begins, and how long it is.
        pad: what stands behind the end of a list that is shorter than others of its batch.
        length: to which all lists are padded; None: to the longest of their batch.
    """

    values: Any
    starts: npt.NDArray[np.int64]
    lengths: npt.NDArray[np.int64]
    pad: Any
    length: int | None = None

    def __len__(self) -> int:
        return len(self.starts)

    def __getitem__(self, rows: Any) -> ListColumn:
        """The rows that an index or boolean array of shape (n,) names, or a slice."""
        return replace(self, starts=self.starts[rows], lengths=self.lengths[rows])

    @property
    def dtype(self) -> np.dtype[Any]:
        found: np.dtype[Any] = self.values.dtype
        return found

    @property
    def shape(self) -> tuple[int | None, ...]:
        """(rows, length, ...), with None where the length is that of the longest in a batch."""
        return (len(self), self.length, *self.values.shape[1:])

    @property
    def width(self) -> int:
        """The length to which the lists are padded, at least 1: many layers take no empty sequence."""
        return self.length or max(1, int(self.lengths.max(initial=0)))

    def astype(self, dtype: npt.DTypeLike, *, copy: bool = True) -> ListColumn:
        """As arrays have it."""
        return replace(self, values=np.asarray(self.values).astype(dtype, copy=copy))

    def flat(self) -> Array:
        """What the rows hold, one after the other."""
        ends = np.cumsum(self.lengths)
        total = int(ends[-1]) if len(ends) else 0
        at = np.arange(total) + np.repeat(self.starts - (ends - self.lengths), self.lengths)
        found: Array = np.asarray(self.values[at])
        return found

    def padded(self, *, more: int = 0) -> Array:
        """Shape (rows, width, ...), with `more` behind the width."""
        width = self.width + more
        found = np.full((len(self), width, *self.values.shape[1:]), self.pad, self.dtype)
        found[np.arange(width) < self.lengths[:, None]] = self.flat()
        return found


def list_column(
    values: Array, lengths: npt.NDArray[Any], *, pad: Any, length: int | None = None
) -> ListColumn:
    """Of lists that lie one after the other in `values`."""
    lengths = np.asarray(lengths, np.int64)
    return ListColumn(
        values=values, starts=np.cumsum(lengths) - lengths, lengths=lengths, pad=pad, length=length
    )


def joined_lists(parts: Sequence[ListColumn]) -> ListColumn:
    """The rows of all parts, which differ in rows alone. A part without values has no say in the dtype."""
    filled = [part for part in parts if part.lengths.any()] or list(parts[:1])
    return list_column(
        np.concatenate([part.flat() for part in filled]),
        np.concatenate([part.lengths for part in parts]),
        pad=filled[0].pad,
        length=parts[0].length,
    )


def dense(column: Any) -> Array:
    """An array as it is; of lists the padded array."""
    return column.padded() if isinstance(column, ListColumn) else np.asarray(column)


def is_cells(array: Array) -> bool:
    """Whether an array holds numbers for each position of a row."""
    return array.dtype.kind == "O"


def cells_of(flat: Array, lengths: npt.NDArray[Any]) -> Array:
    """Rows of these lengths from the numbers of all positions, shape (positions,) or (positions, k)."""
    ends = np.cumsum(lengths)
    found = np.empty(len(ends), object)
    for row, (start, end) in enumerate(zip(ends - lengths, ends, strict=True)):
        found[row] = flat[start:end]
    return found


def flat_cells(cells: Array) -> Array:
    """The numbers of all positions, shape (positions,) or (positions, k)."""
    filled = [cell for cell in cells if len(cell)] or list(cells[:1])  # an empty one has no say in the dtype
    return np.concatenate(filled) if filled else np.empty(0)


def as_column(cells: Array) -> ListColumn:
    """The cells as a column of lists."""
    return list_column(flat_cells(cells), lengths_of(cells), pad=0)


def row_shape(cells: Array) -> tuple[int | None, ...]:
    """(None,) for a number at each position, (None, k) for k of them."""
    like = next((cell for cell in cells if len(cell)), np.empty(0))
    return (None, *like.shape[1:])


def dtype_of(cells: Array) -> np.dtype[Any]:
    """The dtype that the numbers of all positions have together."""
    found = {cell.dtype for cell in cells if len(cell)}
    return np.result_type(*found) if found else np.dtype(np.float64)


def lengths_of(cells: Array) -> npt.NDArray[np.int64]:
    """How many positions each row has, shape (rows,)."""
    return np.fromiter((len(cell) for cell in cells), np.int64, len(cells))


def padded_cells(cells: Array, width: int, *, tail: tuple[int, ...], dtype: npt.DTypeLike) -> Array:
    """Shape (rows, width, *tail), with 0 behind the end of a row."""
    found = np.zeros((len(cells), width, *tail), dtype)
    found[np.arange(width) < lengths_of(cells)[:, None]] = flat_cells(cells).reshape(-1, *tail)
    return found


def cut(padded: Array, lengths: npt.NDArray[np.int64]) -> Array | None:
    """The cells of an array of shape (rows, width) or (rows, width, k); None where it is none, or is shorter
    than the longest row."""
    if padded.ndim not in (2, 3) or len(padded) != len(lengths) or padded.shape[1] < lengths.max(initial=0):
        return None
    found = np.empty(len(padded), object)
    for row, (one, length) in enumerate(zip(padded, lengths.tolist(), strict=True)):
        found[row] = one[:length]
    return found
