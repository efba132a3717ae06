"""Policies made of policies, in three-valued logic (Kleene 1952, strong): undecided only when it matters.

`AnyOf` with a due member is due, and `AllOf` with a member that is not due is not due, whatever the undecided
ones would answer: so drift is measured, and a slice scored, only when that can change the answer.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from ckpt_ops.errors import BadInput
from ckpt_ops.policies.base import Decision, Facts, Policy, decided, reason_of
from ckpt_ops.policies.needs import DriftNeed, joined
from ckpt_ops.wire_names import wire


@wire("AnyOf")
@dataclass(frozen=True, init=False, repr=False)
class AnyOf:
    """Due if any member is; undecided if none is and one is undecided; otherwise not due."""

    policies: tuple[Policy, ...]

    def __init__(self, *policies: Policy) -> None:
        object.__setattr__(self, "policies", _checked("AnyOf", policies))

    def __repr__(self) -> str:
        return f"AnyOf({', '.join(map(repr, self.policies))})"

    def decide(self, facts: Facts) -> Decision:
        return _combine([policy.decide(facts) for policy in self.policies], any_of)

    def drift_needed(self) -> DriftNeed | None:
        return joined(self.policies)


@wire("AllOf")
@dataclass(frozen=True, init=False, repr=False)
class AllOf:
    """Not due if any member is not; undecided if none is not and one is undecided; otherwise due."""

    policies: tuple[Policy, ...]

    def __init__(self, *policies: Policy) -> None:
        object.__setattr__(self, "policies", _checked("AllOf", policies))

    def __repr__(self) -> str:
        return f"AllOf({', '.join(map(repr, self.policies))})"

    def decide(self, facts: Facts) -> Decision:
        return _combine([policy.decide(facts) for policy in self.policies], all_of)

    def drift_needed(self) -> DriftNeed | None:
        return joined(self.policies)


def any_of(answers: Sequence[bool | None]) -> bool | None:
    """Three-valued "or"."""
    return True if True in answers else None if None in answers else False


def all_of(answers: Sequence[bool | None]) -> bool | None:
    """Three-valued "and"."""
    return False if False in answers else None if None in answers else True


def _combine(
    decisions: Sequence[Decision], logic: Callable[[Sequence[bool | None]], bool | None]
) -> Decision:
    due = logic([decision.due for decision in decisions])
    # The members with the same answer as the whole are its reasons; all of them count.
    reasons = dict.fromkeys(reason_of(decision) for decision in decisions if decision.due is due)
    return decided(due, "; ".join(reasons), _merged(decisions))


def _merged(decisions: Sequence[Decision]) -> dict[str, float]:
    """All members' numbers; where two members give one name different values, the later gets `name#2`."""
    merged: dict[str, float] = {}
    for decision in decisions:
        for name, number in decision.numbers.items():
            key, turn = name, 1
            while key in merged and merged[key] != number:
                turn += 1
                key = f"{name}#{turn}"
            merged[key] = number
    return merged


def _checked(name: str, policies: tuple[Policy, ...]) -> tuple[Policy, ...]:
    if not policies:
        raise BadInput(f"{name}.policies", policies, "at least one policy")
    for policy in policies:
        if isinstance(policy, type) or not isinstance(policy, Policy):
            raise BadInput(f"{name}.policies", policy, f"policies, such as {name}(Rows(at_least=5_000))")
    joined(policies)
    return policies
