"""What to do with a slice: a pure decision over the state.

The first row that fits decides (`docs/architecture.md` has the same table):

| the slice is | action |
|---|---|
| unknown: no run has validated it | skip |
| consumed, and unchanged since; or its newer revision is quarantined or discarded | skip |
| consumed, then corrected, withdrawn or tainted | fork |
| quarantined, discarded, withdrawn or tainted, and never consumed | skip |
| consumed once, and left out when the model was retrained | skip |
| older than a consumed slice, and a person resolved that it forks | fork |
| any other, while the model is on hold | hold |
| any other, while the champion is tainted | hold |
| older than more than `late_within` consumed ones, unresolved | hold, until a person says append or fork |
| any other, while a candidate is in shadow | shadow: the candidate is scored on it, or it waits |
| suspect: a candidate was rejected because of it | skip, until a person decides |
| any other, while `max_rejections` slices are suspect | hold |
| pending together with a slice that was in `max_rejections` rejected candidates | hold |
| older than a consumed slice | late |
| newer than everything consumed | append |

`rebase` plans the fork, and `shadow` finds the candidate in shadow.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from ckpt_ops.lineage.records import SliceRef
from ckpt_ops.lineage.shadow import in_shadow
from ckpt_ops.lineage.state import LineageState, SliceState, SliceStatus, VersionState


class Action(StrEnum):
    """What a run does with its slice."""

    SKIP = "skip"
    APPEND = "append"
    LATE = "late"
    HOLD = "hold"
    FORK = "fork"
    SHADOW = "shadow"


@dataclass(frozen=True, kw_only=True)
class Plan:
    """An action, why, and the slices a candidate would consume, in order.

    Attributes:
        slices: for append and late, every pending slice that is due with this one; else empty.
        aside: pending slices that are left out because they are suspect.
    """

    key: str
    action: Action
    why: str
    slices: tuple[SliceRef, ...] = ()
    aside: tuple[SliceRef, ...] = ()

    @property
    def rows(self) -> int:
        return sum(ref.rows for ref in self.slices)


@dataclass(frozen=True, kw_only=True)
class Repeated:
    """A plan that was tried before: the same parent and the same slice revisions, in order.

    A candidate that was rejected, rolled back or deferred has ended and is not tried again. Only changed
    code, settings or libraries make a different candidate of the same slices.

    Attributes:
        version: the newest version with that parent and those slices.
    """

    version: VersionState

    @property
    def message(self) -> str:
        return (
            f"version {self.version.version} with the same parent and slices was "
            f"{self.version.status.value}: only changed code or settings make a new candidate"
        )


def repeated(state: LineageState, planned: Plan, *, candidate: str | None = None) -> Repeated | None:
    """The earlier version that the plan repeats, if that version came to nothing; else None.

    Args:
        candidate: the id of what would be trained: only a version with this id counts. None, for callers
            that do not know the pipeline: any code and settings count.
    """
    if not planned.slices:
        return None
    for version in state.built_on(state.head):
        if version.slices == planned.slices and candidate in (None, version.candidate):
            return Repeated(version=version) if version.refused else None
    return None


def plan(state: LineageState, key: str, *, late_within: int, max_rejections: int = 3) -> Plan:
    """Decide on the slice `key`.

    Args:
        state: the model's state.
        late_within: an older slice is appended late if at most this many slices newer than it have
            been consumed.
        max_rejections: hold after this many rejected candidates with the same pending slice, or when this
            many slices are suspect.
    """
    entry = state.slices.get(key)
    consumed = state.consumed.get(key)
    if entry is None:
        return Plan(key=key, action=Action.SKIP, why=f"slice {key} has not been validated")
    if consumed is not None:
        return _of_consumed(state, entry, consumed)
    if entry.status is not SliceStatus.ACCEPTED:
        return Plan(key=key, action=Action.SKIP, why=f"{entry.status.value}: {entry.reason}")
    if key in state.passed_over:
        why = f"consumed before; version {state.passed_over[key]} was retrained without it"
        return Plan(key=key, action=Action.SKIP, why=why)
    newer = state.newer_than(key)
    fork = state.resolved.get(entry.ref.id)
    if newer and fork:
        why = f"{newer} newer slices are already consumed; a person chose to fork for this one"
        return Plan(key=key, action=Action.FORK, why=why)
    if state.held is not None:
        return Plan(key=key, action=Action.HOLD, why=state.held)
    taint = state.taint(state.head)
    if taint is not None:
        why = f"the champion, version {state.head}, is tainted by slice {taint.slice.key}: {taint.reason}"
        return Plan(key=key, action=Action.HOLD, why=why)

    if newer > late_within and fork is None:
        return Plan(
            key=key,
            action=Action.HOLD,
            why=f"{newer} newer slices are already consumed, more than the {late_within} that "
            "late_slices allows: a person decides",
        )
    shadow = in_shadow(state)
    if shadow is not None:
        return Plan(key=key, action=Action.SHADOW, why=shadow.message_on(key))
    if entry.ref.id in state.suspects:
        return Plan(key=key, action=Action.SKIP, why=f"suspect: {state.suspects[entry.ref.id]}")
    aside = state.suspect()
    if len(aside) >= max_rejections:
        keys = ", ".join(ref.key for ref in aside)
        why = f"{len(aside)} slices are suspect ({keys}): they are poisoned, or the world has changed"
        return Plan(key=key, action=Action.HOLD, why=why, aside=aside)
    pending = tuple(
        ref
        for ref in state.pending(up_to=key)
        if _joins(state, ref, late_within) and ref.id not in state.suspects
    )
    stuck = [ref for ref in pending if state.rejections.get(ref.id, 0) >= max_rejections]
    if stuck:
        keys = ", ".join(ref.key for ref in stuck)
        return Plan(
            key=key,
            action=Action.HOLD,
            why=f"{max_rejections} candidates with slice {keys} were rejected; no gate is loosened",
        )
    if newer:
        why = f"late: {newer} newer slices are already consumed{_without(aside)}"
        return Plan(key=key, action=Action.LATE, why=why, slices=pending, aside=aside)
    why = f"newer than everything consumed{_without(aside)}"
    return Plan(key=key, action=Action.APPEND, why=why, slices=pending, aside=aside)


def _without(aside: tuple[SliceRef, ...]) -> str:
    if not aside:
        return ""
    keys = ", ".join(ref.key for ref in aside)
    return f"; without {keys}, which {'is' if len(aside) == 1 else 'are'} suspect"


def _of_consumed(state: LineageState, entry: SliceState, consumed: SliceRef) -> Plan:
    key, by = consumed.key, f"version {state.consumed_by(consumed.key)}"
    accepted = state.standing(consumed)
    if accepted == consumed:
        why = f"already consumed by {by}, unchanged"
        if entry.status is not SliceStatus.ACCEPTED:
            why = f"consumed by {by}; its newer revision is {entry.status.value}: {entry.reason}"
        return Plan(key=key, action=Action.SKIP, why=why)
    what = "withdrawn" if entry.status is SliceStatus.WITHDRAWN else "tainted"
    if accepted is not None:
        rows = accepted.rows - consumed.rows
        more = f", {rows:+,} rows" if rows else ""
        what = f"corrected ({consumed.revision} became {accepted.revision}{more})"
    return Plan(key=key, action=Action.FORK, why=f"consumed by {by}, then {what}")


def _joins(state: LineageState, ref: SliceRef, late_within: int) -> bool:
    """Whether a pending slice joins the candidate: it is not too late by itself, or a person chose that."""
    fork = state.resolved.get(ref.id)
    newer = state.newer_than(ref.key)
    return newer == 0 or (newer <= late_within and not fork) or fork is False
