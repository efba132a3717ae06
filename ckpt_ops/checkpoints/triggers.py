"""When to save: small values, asked after every step."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from ckpt_ops.errors import BadInput


@dataclass(frozen=True, kw_only=True)
class SinceSave:
    """What has passed since the last save, or since training began.

    Attributes:
        steps: optimizer steps.
        seconds: of wall time.
    """

    steps: int
    seconds: float


class SaveTrigger(Protocol):
    """Says whether a save is due."""

    def due(self, since: SinceSave) -> bool: ...


@dataclass(frozen=True)
class EverySteps:
    """A save each `steps` optimizer steps."""

    steps: int

    def __post_init__(self) -> None:
        if self.steps < 1:
            raise BadInput("EverySteps.steps", self.steps, "a whole number of at least 1")

    def due(self, since: SinceSave) -> bool:
        return since.steps >= self.steps


@dataclass(frozen=True)
class EverySeconds:
    """A save each `seconds` of wall time."""

    seconds: float

    def __post_init__(self) -> None:
        if self.seconds <= 0:
            raise BadInput("EverySeconds.seconds", self.seconds, "a positive number of seconds")

    def due(self, since: SinceSave) -> bool:
        return since.seconds >= self.seconds


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
