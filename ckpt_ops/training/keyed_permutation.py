"""A permutation of any number of rows that takes no memory: where a row goes is computed from a key.

A Feistel network over the bits of a number permutes the numbers below a power of two; a number that falls
outside the range is sent through again until it is inside (Black and Rogaway, "Ciphers with arbitrary finite
domains", 2002). It is no cipher here: its rounds only have to mix.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

_ROUNDS = 8
_MIX = (np.uint64(0xBF58476D1CE4E5B9), np.uint64(0x94D049BB133111EB))  # of SplitMix64
_SHIFTS = (np.uint64(30), np.uint64(27), np.uint64(31))

Numbers = npt.NDArray[np.uint64]


class KeyedPermutation:
    """A permutation of the numbers from 0 to `rows` - 1, drawn by `seed`.

    Args:
        seed: whole numbers of at least 0, as `numpy.random.PCG64` takes them.
    """

    def __init__(self, rows: int, seed: Sequence[int]) -> None:
        self._rows = rows
        bits = max(2, (rows - 1).bit_length())
        self._low = np.uint64(bits // 2)
        self._masks = tuple(np.uint64((1 << half) - 1) for half in (bits // 2, bits - bits // 2))
        self._keys = np.random.PCG64(list(seed)).random_raw(_ROUNDS)

    def __getitem__(self, places: slice) -> npt.NDArray[np.int64]:
        """The numbers at some places, one after the other; shape (places,)."""
        start, stop, _ = places.indices(self._rows)
        found = self._once(np.arange(start, stop, dtype=np.uint64))
        outside = np.flatnonzero(found >= self._rows)
        while len(outside):
            again = self._once(found[outside])
            found[outside] = again
            outside = outside[again >= self._rows]
        return found.astype(np.int64)

    def _once(self, numbers: Numbers) -> Numbers:
        low, high = numbers & self._masks[0], numbers >> self._low
        for turn, key in enumerate(self._keys):
            if turn % 2:
                low ^= _mixed(high + key) & self._masks[0]
            else:
                high ^= _mixed(low + key) & self._masks[1]
        return (high << self._low) | low


def _mixed(numbers: Numbers) -> Numbers:
    numbers = (numbers ^ (numbers >> _SHIFTS[0])) * _MIX[0]
    numbers = (numbers ^ (numbers >> _SHIFTS[1])) * _MIX[1]
    return numbers ^ (numbers >> _SHIFTS[2])
