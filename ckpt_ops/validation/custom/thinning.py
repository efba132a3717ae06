"""A bounded, even and repeatable sample of a column that streams by."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import numpy.typing as npt
import pyarrow as pa

_Hashes = npt.NDArray[np.uint64]


def thinned(arrays: Iterable[pa.Array], *, most: int) -> tuple[list[pa.Array], int]:
    """At most `most` rows of all, and how many rows there were.

    Whenever there are too many, the share that is kept is halved: half, a quarter, and so on. A hash of
    its position decides on a row, not every second position: rows that alternate between two sensors
    would otherwise leave only one of them. The same rows give the same sample. Memory: twice `most` rows.
    """
    kept: list[tuple[pa.Array, _Hashes]] = []
    rows = kept_rows = halvings = 0
    for array in arrays:
        kept.append(_below((array, _mixed(rows, len(array))), halvings))
        rows += len(array)
        kept_rows += len(kept[-1][0])
        while kept_rows > most:
            halvings += 1
            kept = [_below(each, halvings) for each in kept]
            kept_rows = sum(len(each) for each, _ in kept)
    return [each for each, _ in kept], rows


def _below(part: tuple[pa.Array, _Hashes], halvings: int) -> tuple[pa.Array, _Hashes]:
    if not halvings:
        return part
    array, hashes = part
    keep = hashes >> np.uint64(64 - min(halvings, 63)) == 0
    return array.filter(pa.array(keep)), hashes[keep]


def _mixed(start: int, count: int) -> _Hashes:
    """splitmix64 (Steele, Lea and Flood, 2014) of the positions."""
    x = np.arange(start + 1, start + count + 1, dtype=np.uint64) * np.uint64(0x9E3779B97F4A7C15)
    x = (x ^ (x >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    x = (x ^ (x >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return x ^ (x >> np.uint64(31))
