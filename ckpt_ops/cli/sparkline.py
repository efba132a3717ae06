"""A series of numbers as one line of text."""

from __future__ import annotations

from collections.abc import Sequence

BARS = "▁▂▃▄▅▆▇█"
GAP = " "


def sparkline(values: Sequence[float | None], *, width: int = 20) -> str:
    """The last `width` values as bars, the smallest the lowest; a gap for None, middle bars for all alike."""
    shown = values[-width:]
    known = [value for value in shown if value is not None]
    if not known:
        return ""
    low, high = min(known), max(known)
    scale = (len(BARS) - 1) / (high - low) if high > low else 0.0
    return "".join(
        GAP if value is None else BARS[round((value - low) * scale) if scale else len(BARS) // 2 - 1]
        for value in shown
    )
