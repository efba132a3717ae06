"""How many rows that were trained on before are trained on again, against forgetting."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np
import numpy.typing as npt

from ckpt_ops import checks
from ckpt_ops.wire_names import wire


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


def draw(*, sizes: dict[str, int], rows: int, seed: int) -> dict[str, npt.NDArray[np.int64]]:
    """Which rows of each consumed slice to replay: `rows` of all, evenly, without repeats.

    Args:
        sizes: rows by slice key.

    Returns:
        By slice key, row numbers in ascending order; slices without any are left out.
    """
    keys = sorted(sizes)
    total = sum(sizes.values())
    generator = np.random.Generator(np.random.PCG64([seed, 1]))
    chosen = np.sort(generator.choice(total, size=rows, replace=False)) if rows else np.empty(0, np.int64)
    drawn, start = {}, 0
    for key in keys:
        inside = chosen[(chosen >= start) & (chosen < start + sizes[key])] - start
        if len(inside):
            drawn[key] = inside
        start += sizes[key]
    return drawn
