"""What saving costs training, measured while it runs."""

from __future__ import annotations

import statistics
from collections import deque

_QUIET_STEPS = 64
_SAVES = 5


class StallMeter:
    """The time that steps beside a save took beyond the median step without one.

    That is the cost that matters: a save call that returns at once still slows the steps that share
    the machine with its writing.
    """

    def __init__(self) -> None:
        self._quiet: deque[float] = deque(maxlen=_QUIET_STEPS)
        self._stalls: deque[float] = deque(maxlen=_SAVES)
        self._present: float | None = None
        self._ended = 0.0

    def step(self, seconds: float, *, saving: bool) -> None:
        """A step took `seconds`; a save was or was not under way in it."""
        if saving and self._quiet:
            self._present = (self._present or 0.0) + seconds - statistics.median(self._quiet)
        elif not saving:
            if self._present is not None:
                self._stalls.append(max(0.0, self._present))
                self._ended += self._stalls[-1]
                self._present = None
            self._quiet.append(seconds)

    @property
    def seconds(self) -> float | None:
        """Median stall of the last saves; None before the first was measured."""
        return statistics.median(self._stalls) if self._stalls else None

    @property
    def total(self) -> float:
        """Of all saves so far, the one under way included; seconds."""
        return self._ended + max(0.0, self._present or 0.0)
