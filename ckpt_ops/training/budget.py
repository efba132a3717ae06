"""How much training is allowed: whichever bound is met first, and which it was."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from ckpt_ops import checks
from ckpt_ops.errors import BadInput
from ckpt_ops.wire_names import wire


class StopReason(Enum):
    """The bound that ended a training, or that it stopped improving."""

    STEPS = "max_steps"
    SECONDS = "max_seconds"
    EPOCHS = "max_epochs"
    NO_BETTER = "stop_early"


@dataclass(frozen=True, kw_only=True)
class Spent:
    """What a candidate's training has used, over all its attempts.

    Attributes:
        seconds: of stepping, counted up to the last committed checkpoint of earlier attempts.
    """

    steps: int
    seconds: float
    steps_per_epoch: int


@wire("Budget")
@dataclass(frozen=True, kw_only=True)
class Budget:
    """Bounds of one candidate's training.

    Attributes:
        max_steps: optimizer steps.
        max_seconds: of stepping. A training that this bound ends is not reproducible to the bit.
        max_epochs: passes over the candidate's rows, replay included.
        min_steps: steps that `max_epochs` always leaves. A first version has few rows and much to learn.
    """

    max_steps: int
    max_seconds: float
    max_epochs: int | None = None
    min_steps: int = 1

    def __post_init__(self) -> None:
        checks.whole("budget.max_steps", self.max_steps)
        checks.seconds("budget.max_seconds", self.max_seconds, endless=True)
        if self.max_epochs is not None:
            allowed = "a whole number of at least 1, or None"
            checks.whole("budget.max_epochs", self.max_epochs, allowed=allowed)
        if not 1 <= self.min_steps <= self.max_steps:
            raise BadInput("budget.min_steps", self.min_steps, f"1 to max_steps={self.max_steps}")

    def last_step(self, *, steps_per_epoch: int) -> int:
        """The step after which steps or epochs end the training."""
        if self.max_epochs is None:
            return self.max_steps
        return min(self.max_steps, max(self.min_steps, self.max_epochs * steps_per_epoch))

    def stop(self, spent: Spent) -> StopReason | None:
        """The bound that is met, or None."""
        if spent.steps >= self.max_steps:
            return StopReason.STEPS
        if spent.steps >= self.last_step(steps_per_epoch=spent.steps_per_epoch):
            return StopReason.EPOCHS
        if spent.seconds >= self.max_seconds:
            return StopReason.SECONDS
        return None

    def seconds_left(self, spent: Spent, steps_per_second: float | None) -> float | None:
        """Until the first bound is met, at this pace; None while there is no pace.

        Something other than the budget may end the training before that.
        """
        if steps_per_second is None or steps_per_second <= 0:
            return None
        steps = self.last_step(steps_per_epoch=spent.steps_per_epoch) - spent.steps
        return max(0.0, min(steps / steps_per_second, self.max_seconds - spent.seconds))
