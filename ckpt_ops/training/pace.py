"""How fast a training goes: what it reports now and then, and how long it will take at that pace."""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, field

WINDOW_SECONDS = 10.0
"""A pace is that of the last so many seconds: one report alone jumps with every save."""

_OFTEN, _OFTEN_FOR, _LATER = 1.0, 60.0, 5.0


@dataclass(frozen=True, kw_only=True)
class HowFar:
    """How far a training has come.

    Attributes:
        step, last: optimizer steps made, and the step after which the budget ends it at the latest.
        metrics: of the model since the last checkpoint.
        rows_per_second, steps_per_second: of the last seconds; None before there is a pace. The first call
            of the step function, which traces the model, counts for none.
        seconds_left: until the first bound of the budget is met; None: nobody can say.
        stall_seconds: that saves have kept the training waiting so far.
        save_every: seconds between two saves, where the trigger goes by time; else None.
        ended: its last step is made, and its last state is about to be saved.
    """

    step: int
    last: int
    metrics: Mapping[str, float] = field(default_factory=dict)
    rows_per_second: float | None = None
    steps_per_second: float | None = None
    seconds_left: float | None = None
    stall_seconds: float = 0.0
    save_every: float | None = None
    ended: bool = False


class Pace:
    """Steps a second, over the last `WINDOW_SECONDS`.

    Args:
        step, now: where counting begins, in seconds of any clock that goes on.
    """

    def __init__(self, step: int, now: float) -> None:
        self._seen = deque([(now, step)])

    def at(self, step: int, now: float) -> float | None:
        """The pace now, at `step`; None while no time has passed."""
        self._seen.append((now, step))
        while len(self._seen) > 2 and now - self._seen[1][0] >= WINDOW_SECONDS:
            self._seen.popleft()
        since, first = self._seen[0]
        return (step - first) / (now - since) if now > since else None


def seconds_between(elapsed: float) -> float:
    """Seconds between two reports of a training that has gone on for `elapsed`: few lines in a long log."""
    return _OFTEN if elapsed < _OFTEN_FOR else _LATER
