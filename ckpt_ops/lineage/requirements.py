"""What a state has to meet before a decision on a candidate is appended to it: one class each.

A record is appended only to the state that it was decided on (`ModelLog.decide`). What that state has to
meet for a verdict to count is stated here as values, so that the caller can tell by the type which
requirement is not met, and the log can state the reason.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from ckpt_ops.lineage.records import SliceRef
from ckpt_ops.lineage.state import LineageState, VersionState


class Requirement(Protocol):
    """A condition on a state."""

    def unmet(self, state: LineageState) -> Unmet | None:
        """Why the state does not meet it; None when it does."""
        ...


@dataclass(frozen=True, kw_only=True)
class Unmet:
    """A requirement that a state does not meet.

    Attributes:
        reason: as text, as records keep it: what was expected and what was found.
    """

    requirement: Requirement
    reason: str

    def __str__(self) -> str:
        return self.reason


@dataclass(frozen=True, kw_only=True)
class NotTainted:
    """Nothing that the version or its ancestors consumed is tainted."""

    version: int

    def unmet(self, state: LineageState) -> Unmet | None:
        """Names the slice and why it is tainted."""
        taint = state.taint(self.version)
        if taint is None:
            return None
        reason = f"it was trained on slice {taint.slice.key}, which is tainted: {taint.reason}"
        return Unmet(requirement=self, reason=reason)


@dataclass(frozen=True, kw_only=True)
class SlicesUnchanged:
    """The slices of the version, and of its ancestors that the head does not have, are accepted as they were.

    What the head consumed does not count: a correction of that asks for a rebase, not for another candidate.
    """

    version: int

    def unmet(self, state: LineageState) -> Unmet | None:
        """Names the slices that were corrected or withdrawn."""
        added: list[VersionState] = []
        number: int | None = self.version
        while number is not None and number not in state.line.versions:
            added.append(state.versions[number])
            number = added[-1].parent
        lost = [ref.key for one in reversed(added) for ref in one.slices if state.standing(ref) != ref]
        if not lost:
            return None
        reason = f"superseded: slice {', '.join(lost)} was corrected or withdrawn after the training"
        return Unmet(requirement=self, reason=reason)


@dataclass(frozen=True, kw_only=True)
class HeadIs:
    """The version that a candidate was compared with is still the head; None: there is no head."""

    version: int | None

    def unmet(self, state: LineageState) -> Unmet | None:
        """Names both."""
        if state.head == self.version:
            return None
        reason = f"superseded: the champion is now version {state.head}; it was compared with version "
        return Unmet(requirement=self, reason=f"{reason}{self.version}")


@dataclass(frozen=True, kw_only=True)
class SlicesPending:
    """Slices on which a candidate was evaluated in shadow are accepted as they were scored, and pending."""

    slices: tuple[SliceRef, ...]

    def unmet(self, state: LineageState) -> Unmet | None:
        """Names the slices that are not."""
        lost = [ref.key for ref in self.slices if not state.is_pending(ref)]
        if not lost:
            return None
        reason = f"slice {', '.join(lost)} was corrected, withdrawn or consumed after it was scored in shadow"
        return Unmet(requirement=self, reason=reason)


def to_be_promoted(version: VersionState) -> tuple[Requirement, ...]:
    """What has to hold for a candidate to be promoted, whatever its gates say.

    Without it the comparison and the parent are both void: the candidate is superseded.
    """
    compared = version.evaluated.champion if version.evaluated else version.champion
    return (
        NotTainted(version=version.version),
        SlicesUnchanged(version=version.version),
        HeadIs(version=compared),
    )


def first_unmet(state: LineageState, requirements: tuple[Requirement, ...]) -> Unmet | None:
    """The first requirement, in order, that the state does not meet; None: it meets all."""
    found = (one.unmet(state) for one in requirements)
    return next((one for one in found if one is not None), None)
