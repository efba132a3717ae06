"""Policies that count: slices, rows, time."""

from __future__ import annotations

from dataclasses import dataclass

from ckpt_ops import checks
from ckpt_ops.policies.base import Decision, Facts, decided
from ckpt_ops.wire_names import wire


@wire("Always")
@dataclass(frozen=True, kw_only=True)
class Always:
    """Due whenever it is asked."""

    def decide(self, facts: Facts) -> Decision:
        numbers = {
            "pending_rows": float(facts.pending_rows),
            "pending_slices": float(facts.pending_slices),
        }
        return decided(True, "always", numbers)


@wire("Every")
@dataclass(frozen=True, kw_only=True)
class Every:
    """Due when at least this many slices are pending."""

    slices: int

    def __post_init__(self) -> None:
        checks.whole("Every.slices", self.slices)

    def decide(self, facts: Facts) -> Decision:
        due = facts.pending_slices >= self.slices
        reason = f"{facts.pending_slices:,} pending slices {_compared(due)} {self.slices:,}"
        numbers = {"pending_slices": float(facts.pending_slices), "slices_at_least": float(self.slices)}
        return decided(due, reason, numbers)


@wire("Rows")
@dataclass(frozen=True, kw_only=True)
class Rows:
    """Due when at least this many rows are pending."""

    at_least: int

    def __post_init__(self) -> None:
        checks.whole("Rows.at_least", self.at_least)

    def decide(self, facts: Facts) -> Decision:
        due = facts.pending_rows >= self.at_least
        reason = f"{facts.pending_rows:,} pending rows {_compared(due)} {self.at_least:,}"
        numbers = {"pending_rows": float(facts.pending_rows), "rows_at_least": float(self.at_least)}
        return decided(due, reason, numbers)


@wire("Age")
@dataclass(frozen=True, kw_only=True)
class Age:
    """Due when the last update is at least this many seconds ago, or when none is on record."""

    at_least_seconds: float

    def __post_init__(self) -> None:
        checks.seconds("Age.at_least_seconds", self.at_least_seconds)

    def decide(self, facts: Facts) -> Decision:
        age, limit = facts.seconds_since_update, self.at_least_seconds
        numbers = {"seconds_at_least": float(limit)}
        if age is None:
            return decided(True, "no update is on record", numbers)
        due = age >= limit
        reason = f"{age:,.0f} s since the last update {_compared(due)} {limit:,.0f} s"
        return decided(due, reason, {"seconds_since_update": float(age)} | numbers)


def _compared(reached: bool) -> str:
    return ">=" if reached else "<"
