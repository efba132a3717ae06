"""The state of a model: a pure fold over its log.

`fold` never refuses a record that the log holds: the log is the truth, and what the rules forbid
was refused before it was appended.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from enum import Enum
from functools import cached_property

from ckpt_ops.errors import BadInput
from ckpt_ops.lineage.records import (
    CandidateStarted,
    CandidateTrained,
    Evaluated,
    Held,
    Promoted,
    Record,
    Rejected,
    Released,
    RolledBack,
    SliceAccepted,
    SliceDiscarded,
    SliceQuarantined,
    SliceRef,
    SliceWithdrawn,
    UpdateDeferred,
)


class SliceStatus(Enum):
    """What validation or a person said of a slice's newest revision."""

    ACCEPTED = "accepted"
    QUARANTINED = "quarantined"
    DISCARDED = "discarded"
    WITHDRAWN = "withdrawn"


@dataclass(frozen=True, kw_only=True)
class SliceState:
    """The newest known revision of a slice.

    Attributes:
        origin: the revision that was pulled, when `ref` was made of it, else "".
        set_aside: rows of `origin` that `ref` lacks and that nobody has decided on.
        released: a person let it pass.
        report: object name of the verdict, or "".
    """

    ref: SliceRef
    status: SliceStatus
    reason: str = ""
    time: str = ""
    origin: str = ""
    set_aside: int = 0
    released: bool = False
    report: str = ""

    @property
    def pulled(self) -> str:
        """The revision as the source gave it."""
        return self.origin or self.ref.revision

    @property
    def by_validation(self) -> bool:
        """No person has said what is to become of it."""
        return self.status is SliceStatus.QUARANTINED or (
            self.status is SliceStatus.ACCEPTED and not self.released
        )

    @property
    def in_quarantine(self) -> int:
        """Rows that a person may release or discard."""
        return self.ref.rows if self.status is SliceStatus.QUARANTINED else self.set_aside


class VersionStatus(Enum):
    """How far a version has come."""

    STARTED = "started"
    TRAINED = "trained"
    EVALUATED = "evaluated"
    PROMOTED = "promoted"
    REJECTED = "rejected"
    ROLLED_BACK = "rolled back"
    DEFERRED = "deferred"


@dataclass(frozen=True, kw_only=True)
class VersionState:
    """A candidate or version with the records that made it.

    Attributes:
        decided: the last word on it.
        promoted: its promotion, also after it was rolled back.
    """

    version: int
    candidate: str
    parent: int | None
    slices: tuple[SliceRef, ...]
    status: VersionStatus
    started: CandidateStarted
    trained: CandidateTrained | None = None
    evaluated: Evaluated | None = None
    decided: Record | None = None
    promoted: Promoted | None = None

    @classmethod
    def opened(cls, record: CandidateStarted) -> VersionState:
        """As `record` opens it."""
        return cls(
            version=record.version,
            candidate=record.candidate,
            parent=record.parent,
            slices=record.slices,
            status=VersionStatus.STARTED,
            started=record,
        )

    @property
    def rows(self) -> int:
        return sum(ref.rows for ref in self.slices)


OnSlice = SliceAccepted | SliceQuarantined | SliceDiscarded | SliceWithdrawn
STATUS_OF: Mapping[type[OnSlice], SliceStatus] = {
    SliceAccepted: SliceStatus.ACCEPTED,
    SliceQuarantined: SliceStatus.QUARANTINED,
    SliceDiscarded: SliceStatus.DISCARDED,
    SliceWithdrawn: SliceStatus.WITHDRAWN,
}
"""What a record makes of its slice."""

ByAPerson = SliceAccepted | SliceDiscarded | SliceWithdrawn
"""What a person says of a slice; of the accepted ones, those that were released."""


@dataclass(frozen=True, kw_only=True)
class LineageState:
    """Everything true of a model after `sequence` records.

    Attributes:
        head: the version in production, which is also the parent of the next candidate.
        held: why nothing may train, or None.
        rejections: by slice revision, refused candidates that held it since the last release.
        deferred: by slice key, what the update policy last said of it.
        settled: by slice revision as it was pulled, what a person said of it: released, discarded, withdrawn.
    """

    model: str
    sequence: int = 0
    slices: Mapping[str, SliceState] = field(default_factory=dict)
    versions: Mapping[int, VersionState] = field(default_factory=dict)
    head: int | None = None
    held: str | None = None
    rejections: Mapping[str, int] = field(default_factory=dict)
    deferred: Mapping[str, UpdateDeferred] = field(default_factory=dict)
    settled: Mapping[str, ByAPerson] = field(default_factory=dict)

    def ancestry(self, version: int | None) -> tuple[VersionState, ...]:
        """`version` and its ancestors, oldest first."""
        chain: list[VersionState] = []
        while version is not None:
            state = self.versions[version]
            chain.append(state)
            version = state.parent
        return tuple(reversed(chain))

    @cached_property
    def consumed(self) -> Mapping[str, SliceRef]:
        """By key, the slice revisions in the ancestry of the promoted head."""
        return {ref.key: ref for version in self.ancestry(self.head) for ref in version.slices}

    def consumed_by(self, key: str) -> int | None:
        """The version of the head's ancestry that learned from the slice."""
        for version in self.ancestry(self.head):
            if any(ref.key == key for ref in version.slices):
                return version.version
        return None

    @property
    def newest_consumed(self) -> str | None:
        return max(self.consumed, default=None)

    def pending(self, *, up_to: str | None = None) -> tuple[SliceRef, ...]:
        """Accepted slices that the head has not consumed in any revision, in key order."""
        return tuple(
            state.ref
            for key, state in sorted(self.slices.items())
            if state.status is SliceStatus.ACCEPTED
            and key not in self.consumed
            and (up_to is None or key <= up_to)
        )

    @property
    def restorable(self) -> tuple[int, ...]:
        """What a rollback may go to: not the head, promoted once, and so was everything it was built on."""
        return tuple(
            number
            for number in self.versions
            if number != self.head and all(version.promoted for version in self.ancestry(number))
        )

    def version(self, number: int) -> VersionState:
        """The version `number`. Raises `BadInput` naming those that exist."""
        if number not in self.versions:
            known = ", ".join(map(str, self.versions)) or "none yet"
            raise BadInput("version", number, f"a version of {self.model}: {known}")
        return self.versions[number]

    def by_candidate(self, candidate: str) -> VersionState | None:
        """The newest version with this candidate id."""
        found = [version for version in self.versions.values() if version.candidate == candidate]
        return found[-1] if found else None


def fold(model: str, records: Iterable[Record]) -> LineageState:
    """The state after `records`."""
    state = LineageState(model=model)
    for record in records:
        state = replace(_apply(state, record), sequence=state.sequence + 1)
    return state


def _apply(state: LineageState, record: Record) -> LineageState:
    match record:
        case SliceAccepted() | SliceQuarantined() | SliceDiscarded() | SliceWithdrawn():
            entry = _slice(state, record)
            state = replace(state, slices={**state.slices, record.slice.key: entry})
            if isinstance(record, SliceQuarantined) or entry.by_validation:
                return state
            return replace(state, settled={**state.settled, entry.pulled: record})
        case UpdateDeferred():
            if record.version is not None:
                state = _version(state, record.version, status=VersionStatus.DEFERRED, decided=record)
            return replace(state, deferred={**state.deferred, record.slice.key: record})
        case CandidateStarted():
            return replace(state, versions={**state.versions, record.version: VersionState.opened(record)})
        case CandidateTrained():
            return _version(state, record.version, status=VersionStatus.TRAINED, trained=record)
        case Evaluated():
            return _version(state, record.version, status=VersionStatus.EVALUATED, evaluated=record)
        case Promoted():
            state = _version(
                state, record.version, status=VersionStatus.PROMOTED, decided=record, promoted=record
            )
            return replace(state, head=record.version)
        case Rejected():
            state = _version(state, record.version, status=VersionStatus.REJECTED, decided=record)
            if record.superseded:
                return state
            counts = dict(state.rejections)
            for ref in state.versions[record.version].slices:
                counts[ref.revision] = counts.get(ref.revision, 0) + 1
            return replace(state, rejections=counts)
        case RolledBack():
            return _rolled_back(state, record)
        case Held():
            return replace(state, held=record.reason)
        case Released():
            return replace(state, held=None, rejections={})
    return state


def _slice(state: LineageState, record: OnSlice) -> SliceState:
    known = state.slices.get(record.slice.key)
    if isinstance(record, SliceDiscarded) and known is not None and known.status is SliceStatus.ACCEPTED:
        return replace(known, set_aside=0)  # the rows set aside are given up, the slice stays
    entry = SliceState(
        ref=record.slice, status=STATUS_OF[type(record)], reason=record.reason, time=record.time
    )
    match record:
        case SliceAccepted():
            return replace(
                entry,
                origin=record.origin,
                set_aside=record.set_aside,
                released=record.released,
                report=record.report,
            )
        case SliceQuarantined():
            return replace(entry, report=record.report)
    if known is None or known.ref != record.slice:
        return entry
    return replace(entry, origin=known.origin, report=known.report)


def _rolled_back(state: LineageState, record: RolledBack) -> LineageState:
    kept = {version.version for version in state.ancestry(record.version)}
    dropped = {version.version for version in state.ancestry(state.head)} - kept
    for number, version in state.versions.items():
        status = version.status
        if number in kept and status is VersionStatus.ROLLED_BACK:  # an earlier rollback is taken back
            status = VersionStatus.PROMOTED
        elif status is not VersionStatus.REJECTED and any(
            ancestor.version in dropped for ancestor in state.ancestry(number)
        ):
            status = VersionStatus.ROLLED_BACK
        if status is not version.status:
            state = _version(state, number, status=status, decided=record)
    return replace(state, head=record.version)


def _version(
    state: LineageState,
    number: int,
    *,
    status: VersionStatus,
    trained: CandidateTrained | None = None,
    evaluated: Evaluated | None = None,
    decided: Record | None = None,
    promoted: Promoted | None = None,
) -> LineageState:
    before = state.versions[number]
    if before.status is VersionStatus.ROLLED_BACK and decided is None:
        status = VersionStatus.ROLLED_BACK  # its training may end later; what it was built on is gone
    after = replace(
        before,
        status=status,
        trained=trained or before.trained,
        evaluated=evaluated or before.evaluated,
        decided=decided or before.decided,
        promoted=promoted or before.promoted,
    )
    return replace(state, versions={**state.versions, number: after})
