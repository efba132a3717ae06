"""When to save: small values, asked after every step."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Protocol

from ckpt_ops import checks
from ckpt_ops.errors import BadInput


@dataclass(frozen=True, kw_only=True)
class SinceSave:
    """What has passed since the last save, or since training began.

    Attributes:
        steps: optimizer steps.
        seconds: of wall time.
        stall: seconds that a save has cost training, as measured so far; None before the first.
    """

    steps: int
    seconds: float
    stall: float | None = None


class SaveTrigger(Protocol):
    """Says whether a save is due."""

    def due(self, since: SinceSave) -> bool: ...


@dataclass(frozen=True)
class EverySteps:
    """A save each `steps` optimizer steps."""

    steps: int

    def __post_init__(self) -> None:
        checks.whole("EverySteps.steps", self.steps)

    def due(self, since: SinceSave) -> bool:
        return since.steps >= self.steps


@dataclass(frozen=True)
class EverySeconds:
    """A save each `seconds` of wall time."""

    seconds: float

    def __post_init__(self) -> None:
        checks.seconds("EverySeconds.seconds", self.seconds, endless=True)

    def due(self, since: SinceSave) -> bool:
        return since.seconds >= self.seconds


@dataclass(frozen=True, kw_only=True)
class Automatic:
    """A save as often as pays: what a failure would lose against what saving costs, as measured.

    J. T. Daly, "A higher order estimate of the optimum checkpoint interval for restart dumps", Future
    Generation Computer Systems 22 (2006), equation 37, which refines Young's sqrt(2 stall failure_every).

    Attributes:
        failure_every: mean seconds between failures of the machine; a day for a preemptible one. Of one:
            where several workers train together it is divided by their number.
        overhead: share of training time that saving may cost at most; it wins over the formula.
        first: seconds until the first save, which measures the cost.
    """

    failure_every: float
    overhead: float = 0.02
    first: float = 30.0

    def __post_init__(self) -> None:
        for name in ("failure_every", "first"):
            checks.seconds(f"Automatic.{name}", getattr(self, name))
        checks.inner_share("Automatic.overhead", self.overhead)

    def interval(self, stall: float) -> float:
        """Seconds of training between two saves that cost `stall` seconds each."""
        share = stall / (2 * self.failure_every)
        if share >= 1:
            best = self.failure_every
        else:
            correction = 1 + math.sqrt(share) / 3 + share / 9
            best = math.sqrt(2 * stall * self.failure_every) * correction - stall
        return max(best, stall * (1 / self.overhead - 1))

    def due(self, since: SinceSave) -> bool:
        return since.seconds >= (self.first if since.stall is None else self.interval(since.stall))


@dataclass(frozen=True, init=False)
class FirstOf:
    """A save when any of `triggers` wants one."""

    triggers: tuple[SaveTrigger, ...]

    def __init__(self, *triggers: SaveTrigger) -> None:
        if not triggers:
            raise BadInput("save.FirstOf", triggers, "at least one trigger")
        object.__setattr__(self, "triggers", triggers)

    def due(self, since: SinceSave) -> bool:
        return any(trigger.due(since) for trigger in self.triggers)


def of_several(trigger: SaveTrigger, workers: int) -> SaveTrigger:
    """The trigger for a training that ends when one of so many workers fails.

    So many machines fail so many times as often, and each failure costs the steps of all since the last save.
    What a save costs is measured by the first worker, which writes it, while the others wait.
    """
    match trigger:
        case Automatic():
            return replace(trigger, failure_every=trigger.failure_every / workers)
        case FirstOf():
            return FirstOf(*(of_several(one, workers) for one in trigger.triggers))
    return trigger


def seconds_between(trigger: SaveTrigger, stall: float | None) -> float | None:
    """Seconds between two saves, as far as the trigger goes by time; None where it does not.

    Args:
        stall: seconds that a save has cost, as measured so far; None before the first.
    """
    match trigger:
        case EverySeconds():
            return trigger.seconds
        case Automatic():
            return trigger.first if stall is None else trigger.interval(stall)
        case FirstOf():
            found = [seconds_between(one, stall) for one in trigger.triggers]
            return min((one for one in found if one is not None), default=None)
    return None
