"""How many rows that were trained on before are trained on again, against forgetting."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import numpy.typing as npt

from ckpt_ops import checks
from ckpt_ops.wire_names import wire

Numbers = npt.NDArray[np.int64]
_BLOCK = 1 << 20


class Replay(Protocol):
    """Says how many rows of consumed slices to draw for a number of new rows."""

    def rows(self, *, new: int, consumed: int) -> int: ...


@wire("NoReplay")
@dataclass(frozen=True)
class NoReplay:
    """Only new rows."""

    def rows(self, *, new: int, consumed: int) -> int:
        return 0


@wire("Reservoir")
@dataclass(frozen=True, kw_only=True)
class Reservoir:
    """`share` times the new rows, drawn evenly from everything consumed before.

    Attributes:
        share: 0.2 draws one old row for five new ones.
    """

    share: float

    def __post_init__(self) -> None:
        allowed = "more than 0, at most 100; NoReplay() for none"
        checks.number("Reservoir.share", self.share, above=0, at_most=100, allowed=allowed)

    def rows(self, *, new: int, consumed: int) -> int:
        return min(consumed, round(self.share * new))


class Drawn(Protocol):
    """The rows that were drawn from one slice, as numbers among those that may be drawn."""

    def among(self, start: int, stop: int) -> Numbers:
        """Those from `start` to `stop` - 1, ascending."""
        ...


def draw(*, sizes: Mapping[str, int], rows: int, seed: int, by_slice: bool = False) -> dict[str, Drawn]:
    """Which rows of each consumed slice to replay: `rows` of all, evenly, without repeats.

    Args:
        sizes: rows by slice key.
        by_slice: share out numbers over the slices first, then over blocks of each, and draw within a block
            when it is asked for: no array is as long as the history, or as a slice. The distribution is the
            same; of 10^9 rows and more, numbers are shared out in units of a few rows.

    Returns:
        By slice key, what was drawn; slices without any are left out.
    """
    keys = sorted(sizes)
    if by_slice:
        counts = _shares([sizes[key] for key in keys], rows, seed=(seed, 1))
        return {
            key: _InBlocks(size=sizes[key], rows=count, seed=(seed, 1, number))
            for number, (key, count) in enumerate(zip(keys, counts, strict=True))
            if count
        }
    total = sum(sizes.values())
    generator = np.random.Generator(np.random.PCG64([seed, 1]))
    chosen = np.sort(generator.choice(total, size=rows, replace=False)) if rows else np.empty(0, np.int64)
    drawn: dict[str, Drawn] = {}
    start = 0
    for key in keys:
        first, last = np.searchsorted(chosen, (start, start + sizes[key]))
        if last > first:
            drawn[key] = _Listed(chosen[first:last] - start)
        start += sizes[key]
    return drawn


@dataclass(frozen=True)
class _Listed:
    """Every number that was drawn, ascending."""

    numbers: Numbers

    def among(self, start: int, stop: int) -> Numbers:
        first, last = np.searchsorted(self.numbers, (start, stop))
        return self.numbers[first:last]


@dataclass(kw_only=True)
class _InBlocks:
    """`rows` of `size`, of which each block has its share."""

    size: int
    rows: int
    seed: tuple[int, ...]

    def __post_init__(self) -> None:
        sizes = [min(_BLOCK, self.size - start) for start in range(0, self.size, _BLOCK)]
        self._sizes, self._counts = sizes, _shares(sizes, self.rows, seed=self.seed)
        self._last: tuple[int, Numbers] = (-1, np.empty(0, np.int64))

    def among(self, start: int, stop: int) -> Numbers:
        blocks = [self._block(block) for block in range(start // _BLOCK, -(-stop // _BLOCK))]
        numbers = np.concatenate([np.empty(0, np.int64), *blocks])
        first, last = np.searchsorted(numbers, (start, stop))
        return numbers[first:last]

    def _block(self, block: int) -> Numbers:
        if self._last[0] != block:
            self._last = (block, self._drawn(block))
        return self._last[1]

    def _drawn(self, block: int) -> Numbers:
        generator = np.random.Generator(np.random.PCG64([*self.seed, block]))
        chosen = generator.choice(self._sizes[block], size=self._counts[block], replace=False)
        numbers: Numbers = np.sort(chosen) + block * _BLOCK
        return numbers


def _shares(sizes: Sequence[int], rows: int, *, seed: Sequence[int]) -> list[int]:
    """How many of `rows` that are drawn from all fall to each: multivariate hypergeometric."""
    unit = sum(sizes) // 10**9 + 1  # numpy draws from fewer than 10^9
    generator = np.random.Generator(np.random.PCG64(list(seed)))
    units = [size // unit for size in sizes]
    wanted = min(rows // unit, sum(units))
    drawn = generator.multivariate_hypergeometric(units, wanted, method="marginals")
    counts = [int(count) * unit for count in drawn]
    left = rows - sum(counts)
    for number in sorted(range(len(sizes)), key=lambda one: sizes[one] - counts[one], reverse=True):
        counts[number] += (more := min(left, sizes[number] - counts[number]))
        left -= more
        if not more:
            break
    return counts
