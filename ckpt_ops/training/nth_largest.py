"""The n-th largest of many values, exactly, in the memory of a few.

Values are looked at a piece at a time, in several passes. Each pass compares all of them with two values of a
sample that most likely lie on either side of the one that is wanted; what lies between is a small share of
the rest (Floyd & Rivest 1975, "Expected time bounds for selection").
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

Pieces = Callable[[], Iterator[Any]]
"""Gives all values, as Arrow arrays of one type that has an order; whenever it is called, the same."""

FEW = 2**18
"""So many values are sorted."""
_SAMPLE = 2**14


def nth_largest(pieces: Pieces, n: int, *, few: int = FEW) -> Any:
    """The n-th largest value, from 1, an Arrow scalar. Nulls are none; NaN must not be among them."""
    low = high = None
    count = sum(len(piece) - piece.null_count for piece in pieces())
    if not 1 <= n <= count:
        raise ValueError(f"there is no {n}-th largest of {count} values")
    while count > few:
        stride = max(1, count // _SAMPLE)
        sample = _falling(piece.take(_every(len(piece), stride)) for piece in _between(pieces, low, high))
        about, margin = (n - 1) * len(sample) // count, 1 + len(sample) // 64
        above, below = (sample[min(max(0, at), len(sample) - 1)] for at in (about - margin, about + margin))
        larger, equal = _compared(pieces, low, high, above)
        larger_still, equal_still = _compared(pieces, low, high, below)
        if larger < n <= larger + equal:
            return above
        if larger_still < n <= larger_still + equal_still:
            return below
        if n <= larger:
            low, count = above, larger
        elif n <= larger_still:
            low, high = below, above
            n, count = n - larger - equal, larger_still - larger - equal
        else:
            high = below
            n, count = n - larger_still - equal_still, count - larger_still - equal_still
    return _falling(_between(pieces, low, high))[n - 1]


def _between(pieces: Pieces, low: Any, high: Any) -> Iterator[Any]:
    """The values that are larger than `low` and smaller than `high`; None: no bound."""
    for piece in pieces():
        values = piece.drop_null()
        if low is not None:
            values = values.filter(pc.greater(values, low))
        if high is not None:
            values = values.filter(pc.less(values, high))
        if len(values):
            yield values


def _compared(pieces: Pieces, low: Any, high: Any, value: Any) -> tuple[int, int]:
    """How many of the values are larger than `value`, and how many equal it."""
    larger = equal = 0
    for piece in _between(pieces, low, high):
        larger += pc.sum(pc.greater(piece, value)).as_py()
        equal += pc.sum(pc.equal(piece, value)).as_py()
    return larger, equal


def _every(rows: int, stride: int) -> pa.Array:
    return pa.array(range(0, rows, stride), pa.int64())


def _falling(arrays: Iterator[Any]) -> Any:
    values = pa.concat_arrays(list(arrays))
    return values.take(pc.array_sort_indices(values, order="descending"))
