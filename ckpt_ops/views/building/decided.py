"""Decisions on versions, as the state has them."""

from __future__ import annotations

from ckpt_ops.lineage import LineageState, VersionState
from ckpt_ops.lineage.encoding import type_name
from ckpt_ops.lineage.records import Approved, Promoted, Record, Rejected, RolledBack, UpdateDeferred
from ckpt_ops.views.shapes import Decision

NAMES: dict[type[Record], str] = {
    Promoted: "promoted",
    Rejected: "rejected",
    RolledBack: "rolled back",
    UpdateDeferred: "deferred",
    Approved: "approved",
}


def decision_of(record: Record, version: VersionState | None) -> Decision:
    """One record as a decision; `version`: the one that it was decided on, None: a slice was deferred."""
    who = record
    if isinstance(record, Promoted) and version is not None and version.approved is not None:
        who = version.approved if not version.approved.expired else record
    of_gates = isinstance(record, Rejected) and not (record.by_person or record.superseded or record.expired)
    evaluated = version.evaluated if version is not None else None
    number = getattr(record, "version", None)
    return Decision(
        version=number if isinstance(number, int) else None,
        what=NAMES.get(type(record)) or type_name(record),
        reason=record.reason,
        actor=who.actor,
        time=record.time,
        verdicts=evaluated.rejecting if of_gates and evaluated is not None else (),
    )


def last_decision(state: LineageState) -> Decision | None:
    """The newest decision on a version, or on a slice that the policy deferred; None: there is none.

    Of what moved the head, the log's order tells the newest; beside it, the times of records do.
    """
    found: list[tuple[Record, VersionState | None]] = [
        (record, state.versions.get(record.version or 0)) for record in state.deferred.values()
    ]
    found += [
        (one.decided, one)
        for one in reversed(state.versions.values())
        if one.decided is not None and not isinstance(one.decided, Promoted | RolledBack)
    ]
    found += [(record, state.versions[record.version]) for _, record in state.moves[-1:]]
    if not found:
        return None
    newest = max(record.time for record, _ in found)
    return next(decision_of(record, version) for record, version in found if record.time == newest)


def last_rejection(state: LineageState) -> Decision | None:
    """The newest version's rejection since the last promotion or rollback; None: there is none."""
    newest = [
        one
        for number, one in state.versions.items()
        if isinstance(one.decided, Rejected)
        and (one.decided.time, number) > (state.head_since, state.head or 0)
    ]
    return decision_of(newest[-1].decided, newest[-1]) if newest and newest[-1].decided else None
