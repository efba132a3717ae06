"""What was in production when, by whom and why: read from a model's records."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime
from enum import Enum
from typing import Any

from ckpt_ops.lineage.records import Approved, CandidateStarted, Promoted, Record, RolledBack
from ckpt_ops.lineage.state import LineageState


class How(Enum):
    """How a version came into production."""

    GATES = "promoted by gates"
    APPROVED = "approved"
    EXPIRY = "nobody answered in time"
    OVERRIDE = "override"
    REBASE = "rebase"
    RETRAINED = "retrained"
    ROLLBACK = "rollback"


@dataclass(frozen=True, kw_only=True)
class Period:
    """How long one version was in production without a break.

    Attributes:
        began: the record that put it there, by its number in the log.
        since, until: times of the records, UTC, ISO 8601; None: it is still there.
        actor: who decided, not who carried it out.
        why: the reason of that decision.
        rebase: it came as the result of a rebase, whoever approved it.
    """

    version: int
    began: int
    since: str
    until: str | None
    how: How
    actor: str
    why: str
    rebase: bool


def production(records: Iterable[Record]) -> tuple[Period, ...]:
    """Every period, first to last. Each ends when the next begins, and the last is the head's.

    Args:
        records: the model's log from its first entry.
    """
    found: list[Period] = []
    started: dict[int, CandidateStarted] = {}
    approved: dict[int, Approved] = {}
    for number, record in enumerate(records, start=1):
        match record:
            case CandidateStarted():
                started[record.version] = record
            case Approved():
                approved[record.version] = record
            case Promoted():
                begins = started.get(record.version)
                again = begins is not None and begins.retrains
                rebase = begins is not None and _by_rebase(begins)
                approval = approved.get(record.version)
                period = _period(number, record, approval, rebase=rebase)
                found.append(replace(period, how=How.RETRAINED) if again and approval is None else period)
            case RolledBack():
                found.append(_period(number, record, None, rebase=record.rebase))
    return _one_after_the_other(found)


def periods(state: LineageState, *, last: int | None = None) -> tuple[Period, ...]:
    """The same as `production`, from the state: no record has to be read.

    Args:
        last: only so many, the last ones; 1 or more. None: all.
    """
    found = []
    for number, record in state.moves if last is None else state.moves[-last:]:
        version = state.versions[record.version]
        approved = version.approved if isinstance(record, Promoted) else None
        rebase = record.rebase if isinstance(record, RolledBack) else _by_rebase(version.started)
        period = _period(number, record, approved, rebase=rebase)
        retrained = isinstance(record, Promoted) and version.started.retrains and approved is None
        found.append(replace(period, how=How.RETRAINED) if retrained else period)
    return _one_after_the_other(found)


def head_at(state: LineageState, time: datetime) -> int | None:
    """The version that was in production at a time, which has a zone; None: none was yet."""
    by_then = (one for _, one in reversed(state.moves) if datetime.fromisoformat(one.time) <= time)
    found = next(by_then, None)
    return None if found is None else found.version


def below_floor(state: LineageState) -> str | None:
    """Why the version in production misses a floor, by the last evaluation of it; None: it misses none.

    It is evaluated with each candidate that is compared with it, and was evaluated as a candidate itself.
    """
    for version in reversed(state.versions.values()):
        evaluated = version.evaluated
        if evaluated is None or state.head is None:
            continue
        if evaluated.champion == state.head and "champion" in evaluated.metrics:
            return evaluated.below_floor.get("champion")
        if version.version == state.head:
            return evaluated.below_floor.get("candidate")
    return None


def taint_view(state: LineageState) -> dict[str, Any] | None:
    """Why nothing may be built on the champion; None when it is not tainted."""
    taint = state.taint(state.head)
    if taint is None:
        return None
    return {
        "version": state.head,
        "slice": taint.slice.key,
        "revision": taint.slice.revision,
        "why": taint.reason,
        "by": taint.actor,
        "time": taint.time,
    }


def _by_rebase(started: CandidateStarted) -> bool:
    return started.replaces is not None and not started.retrains


def _one_after_the_other(found: list[Period]) -> tuple[Period, ...]:
    ends = [each.since for each in found[1:]]
    return (*(replace(each, until=end) for each, end in zip(found, ends, strict=False)), *found[-1:])


def _period(number: int, record: Promoted | RolledBack, approval: Approved | None, *, rebase: bool) -> Period:
    decision = approval if approval is not None and not approval.expired else record
    return Period(
        version=record.version,
        began=number,
        since=record.time,
        until=None,
        how=_how(record, approval, rebase=rebase),
        actor=decision.actor,
        why=decision.reason,
        rebase=rebase,
    )


def _how(record: Promoted | RolledBack, approval: Approved | None, *, rebase: bool) -> How:
    if approval is not None:
        return How.OVERRIDE if approval.despite_gates else How.EXPIRY if approval.expired else How.APPROVED
    if rebase:
        return How.REBASE
    return How.ROLLBACK if isinstance(record, RolledBack) else How.GATES
