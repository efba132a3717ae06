"""A series of numbers as a line of small bars."""

from __future__ import annotations

import math
from collections.abc import Sequence

_BARS = "▁▂▃▄▅▆▇█"


def sparkline(values: Sequence[float | None], *, width: int = 30) -> str:
    """The values in at most `width` characters, the lowest as "▁" and the highest as "█".

    Of more values than there is room for, each character is the mean of its share. A value that is missing is
    a space; values that are all the same are in the middle.
    """
    shown = [_mean(values[start:end]) for start, end in _shares(len(values), width)]
    there = [one for one in shown if one is not None]
    if not there:
        return " " * len(shown)
    low, high = min(there), max(there)
    return "".join(" " if one is None else _bar(one, low, high) for one in shown)


def _shares(count: int, width: int) -> list[tuple[int, int]]:
    cells = min(count, width)
    return [(cell * count // cells, (cell + 1) * count // cells) for cell in range(cells)]


def _mean(values: Sequence[float | None]) -> float | None:
    there = [one for one in values if one is not None and math.isfinite(one)]
    return math.fsum(one / len(there) for one in there) if there else None


def _bar(value: float, low: float, high: float) -> str:
    if high == low:
        return _BARS[3]
    share = value / 2 / (high / 2 - low / 2) - low / 2 / (high / 2 - low / 2)
    return _BARS[min(len(_BARS) - 1, max(0, int(share * len(_BARS))))]
