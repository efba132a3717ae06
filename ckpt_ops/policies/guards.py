"""Guards: policies that hold an update back. Put them into `AllOf`, beside a policy that asks for one.

A first version is due whatever a guard answers, as with every policy.
"""

from __future__ import annotations

from dataclasses import dataclass

from ckpt_ops import checks
from ckpt_ops.errors import BadInput
from ckpt_ops.policies.base import Decision, Facts, decided
from ckpt_ops.wire_names import wire


@wire("Cooldown")
@dataclass(frozen=True, kw_only=True)
class Cooldown:
    """Not due until enough has passed since the last training ended, whatever its outcome.

    `Age` looks at the last promotion. This looks at rejected candidates, too: they are
    not tried again with hardly anything new. Due when no training is on record.

    Args:
        seconds: since the last training ended, by the time of its record.
        slices: pending slices that the last training did not have. A corrected one counts.

    Exactly one of them is given.
    """

    seconds: float | None = None
    slices: int | None = None

    def __post_init__(self) -> None:
        if (self.seconds is None) is (self.slices is None):
            raise BadInput(
                "Cooldown.seconds, Cooldown.slices",
                (self.seconds, self.slices),
                "exactly one of the two",
                next="AllOf(Cooldown(seconds=...), Cooldown(slices=...)) waits for both",
            )
        if self.seconds is not None:
            checks.seconds("Cooldown.seconds", self.seconds)
        if self.slices is not None:
            checks.whole("Cooldown.slices", self.slices)

    def decide(self, facts: Facts) -> Decision:
        if self.seconds is not None:
            name, unit = "seconds_since_training", "s"
            passed, limit = facts.seconds_since_training, float(self.seconds)
            numbers = {"cooldown_seconds": limit}
        else:
            name, unit = "slices_since_training", "new slices"
            passed, limit = facts.slices_since_training, float(self.slices or 0)
            numbers = {"cooldown_slices": limit}
        if passed is None:
            return decided(True, "no training is on record to cool down from", numbers)
        due = passed >= limit
        reason = f"{passed:,.0f} {unit} since the last training {'>=' if due else '<'} {limit:,.0f}"
        return decided(due, reason, {name: float(passed)} | numbers)


@wire("CostBudget")
@dataclass(frozen=True, kw_only=True)
class CostBudget:
    """Not due while the trainings that ended within a window have used up the budget.

    A training costs the seconds in which it stepped, over all its attempts, promoted or not; trainings of
    older code that recorded no time cost nothing. A training that begins within the budget is not stopped
    by it: the pipeline's `Budget` limits a single training.

    Args:
        training_seconds: the budget.
        within_seconds: the window, back from now. A training leaves it when it ended that long ago.
    """

    training_seconds: float
    within_seconds: float

    def __post_init__(self) -> None:
        checks.seconds("CostBudget.training_seconds", self.training_seconds)
        checks.seconds("CostBudget.within_seconds", self.within_seconds)

    def decide(self, facts: Facts) -> Decision:
        budget, window = float(self.training_seconds), float(self.within_seconds)
        counted = sorted(training for training in facts.trainings if training[0] < window)
        used = float(sum(seconds for _, seconds in counted))
        due = used < budget
        numbers = {
            "training_seconds_at_most": budget,
            "within_seconds": window,
            "training_seconds_used": used,
            "training_seconds_left": max(0.0, budget - used),
        }
        spent = f"{used:,.0f} s of training ended within {window:,.0f} s"
        if due:
            return decided(True, f"{spent}, {budget - used:,.0f} s of {budget:,.0f} s are left", numbers)
        frees = _frees_in(counted, budget, window)
        reason = f"{spent}, the budget of {budget:,.0f} s is used up; the window frees in {frees:,.0f} s"
        return decided(False, reason, numbers | {"frees_in_seconds": frees})


def _frees_in(counted: list[tuple[float, float]], budget: float, window: float) -> float:
    """Seconds until the trainings that are left in the window no longer use up the budget."""
    kept = 0.0
    for ago, seconds in counted:  # the newest first: those stay longest
        kept += seconds
        if kept >= budget:
            return window - ago
    return 0.0
