"""From a model's records to its state: a pure fold.

It never refuses a record that the log holds: the log is the truth, and what the rules forbid was refused
before it was appended. It folds into its own dictionaries, so that the cost of a record depends on what it
changes and not on the size of the state.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import fields, replace
from typing import Any

from ckpt_ops.lineage.moves import Moves
from ckpt_ops.lineage.records import (
    AcknowledgementLifted,
    Approved,
    CandidateStarted,
    CandidateTrained,
    CheckpointsDropped,
    Converted,
    Evaluated,
    Exported,
    Forgotten,
    Held,
    LateSliceResolved,
    MissingAcknowledged,
    Predicted,
    Promoted,
    Purged,
    Record,
    Rejected,
    Released,
    RolledBack,
    ShadowScored,
    SliceAccepted,
    SliceDiscarded,
    SliceQuarantined,
    SliceTainted,
    SliceWithdrawn,
    SourceChanged,
    TaintLifted,
    UpdateDeferred,
    slice_id,
)
from ckpt_ops.lineage.state import (
    STATUS_OF,
    LineageState,
    OnSlice,
    SliceState,
    SliceStatus,
    VersionState,
    VersionStatus,
    scored_id,
)

_TAKEN_AWAY = (SliceStatus.WITHDRAWN, SliceStatus.DISCARDED, SliceStatus.QUARANTINED)
_NEVER_IN_PRODUCTION = (VersionStatus.REJECTED, VersionStatus.DEFERRED)
_OUT = (*_NEVER_IN_PRODUCTION, VersionStatus.ROLLED_BACK, VersionStatus.REPLACED)


def fold(model: str, records: Iterable[Record], *, after: LineageState | None = None) -> LineageState:
    """The state after `records`.

    Args:
        after: the state before them; None: they are the model's first.
    """
    draft = Draft(after or LineageState(model=model))
    for record in records:
        draft.add(record)
    return draft.state()


class Draft:
    """A state that is being made: the attributes of `LineageState`, with mappings that may change."""

    def __init__(self, before: LineageState) -> None:
        self.model, self.sequence = before.model, before.sequence
        self.head, self.head_since, self.held = before.head, before.head_since, before.held
        self.moves = Moves(before.moves)
        self.slices = dict(before.slices)
        self.versions = dict(before.versions)
        self.rejections = dict(before.rejections)
        self.suspects = dict(before.suspects)
        self.deferred = dict(before.deferred)
        self.settled = dict(before.settled)
        self.tainted = dict(before.tainted)
        self.resolved = dict(before.resolved)
        self.changed_at_source = dict(before.changed_at_source)
        self.acknowledged = dict(before.acknowledged)
        self.dropped = before.dropped
        self.forgotten = dict(before.forgotten)
        self.purged = dict(before.purged)
        self.scored = dict(before.scored)
        self.converted = dict(before.converted)
        self.exported = dict(before.exported)
        self.predicted = dict(before.predicted)

    def state(self) -> LineageState:
        """The result. It shows what the draft holds: a record that is added later shows, too."""
        return LineageState(**{one.name: getattr(self, one.name) for one in fields(LineageState)})

    def add(self, record: Record) -> None:
        """Apply `record`."""
        self.sequence += 1
        match record:
            case SliceAccepted() | SliceQuarantined() | SliceDiscarded() | SliceWithdrawn() | SliceTainted():
                self._on_slice(record)
            case SourceChanged():
                known = self.changed_at_source
                self.changed_at_source = {ref.id: known.get(ref.id, record.time) for ref in record.slices}
            case TaintLifted():
                self.tainted.pop(record.slice.id, None)
                if isinstance(self.settled.get(record.slice.id), SliceTainted):
                    del self.settled[record.slice.id]
            case LateSliceResolved():
                self.resolved[record.slice.id] = record.fork
            case MissingAcknowledged():
                self.acknowledged[record.key] = record
            case AcknowledgementLifted():
                self.acknowledged.pop(record.key, None)
            case UpdateDeferred():
                if record.version is not None:
                    self._change(record.version, status=VersionStatus.DEFERRED, decided=record)
                self.deferred[record.slice.key] = record
            case CandidateStarted():
                self.versions[record.version] = VersionState.opened(record)
            case CandidateTrained():
                self._went_on(record.version, status=VersionStatus.TRAINED, trained=record)
            case ShadowScored():
                self.scored.setdefault(scored_id(record.version, record.slice), record)
            case Evaluated():
                self._went_on(record.version, status=VersionStatus.EVALUATED, evaluated=record, approved=None)
            case Approved():
                self._approved(record)
            case Promoted():
                self._promoted(record)
            case Rejected():
                self._change(record.version, status=VersionStatus.REJECTED, decided=record)
                started = self.versions[record.version].started
                if not record.superseded and started.replaces is None and started.again is None:
                    self._rejected(self.versions[record.version])
            case RolledBack():
                self._rolled_back(record)
            case CheckpointsDropped():
                self.dropped |= frozenset(record.versions)
            case Forgotten():
                self.forgotten[record.request] = record
            case Purged():
                self.dropped |= frozenset(record.versions)
                self.purged[record.request] = record
            case Converted():
                self.converted[f"{record.version} {record.format}"] = record
            case Exported():
                self.exported[record.key] = record
            case Predicted():
                self.predicted[f"{record.version} {record.slice.id}"] = record
            case Held():
                self.held = record.reason
            case Released():
                self.held, self.rejections = None, {}

    # --- slices ---------------------------------------------------------------------------------

    def _on_slice(self, record: OnSlice) -> None:
        ref = record.slice
        if (
            not isinstance(record, SliceAccepted) or record.released
        ):  # a person decided, or the revision differs
            self.suspects.pop(ref.id, None)
        if isinstance(record, SliceTainted):
            self.tainted[ref.id] = record
            known = self.slices.get(ref.key)
            if known is not None and (known.ref != ref or known.status in _TAKEN_AWAY):
                self.settled.setdefault(ref.id, record)  # the decision on it, or on a newer one, stands
                return
        entry = self._slice(record)
        if isinstance(record, SliceAccepted) and not record.released and ref.id in self.tainted:
            # validation does not see what a person saw
            entry = replace(entry, status=SliceStatus.TAINTED, reason=self.tainted[ref.id].reason)
        self.slices[ref.key] = entry
        if isinstance(record, SliceQuarantined) or entry.by_validation:
            return
        self.settled[slice_id(ref.key, entry.pulled)] = record
        if isinstance(record, SliceAccepted):
            self.tainted.pop(ref.id, None)

    def _slice(self, record: OnSlice) -> SliceState:
        known = self.slices.get(record.slice.key)
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

    # --- versions -------------------------------------------------------------------------------

    def _change(self, number: int, **changes: Any) -> None:
        self.versions[number] = replace(self.versions[number], **changes)

    def _went_on(self, number: int, *, status: VersionStatus, **changes: Any) -> None:
        """Its training or evaluation ended; a version that is out of the race by then stays out."""
        gone = self.versions[number].status in _OUT
        self._change(number, **changes, **({} if gone else {"status": status}))

    def _rejected(self, version: VersionState) -> None:
        """Its slices are pending again, except those that are blamed for the rejection."""
        blamed = version.evaluated.suspects if version.evaluated is not None else {}
        for ref in version.slices:
            self.rejections[ref.id] = self.rejections.get(ref.id, 0) + 1
            if ref.key in blamed:
                self.suspects[ref.id] = f"version {version.version}: {blamed[ref.key]}"

    def _approved(self, record: Approved) -> None:
        """It takes a rejection back; a version that is out of the race for another reason stays out."""
        status = self.versions[record.version].status
        if status is VersionStatus.REJECTED:
            status = VersionStatus.EVALUATED
            for ref in self.versions[record.version].slices:
                self.suspects.pop(ref.id, None)
        self._change(record.version, status=status, decided=record, approved=record)

    def _line(self, version: int | None) -> set[int]:
        """`version` and its ancestors."""
        found = set()
        while version is not None:
            found.add(version)
            version = self.versions[version].parent
        return found

    def _promoted(self, record: Promoted) -> None:
        self._change(record.version, status=VersionStatus.PROMOTED, decided=record, promoted=record)
        if self.versions[record.version].parent != self.head:  # a rebase
            line = self._line(record.version)
            self._set_aside(self._line(self.head) - line, VersionStatus.REPLACED, record)
            for number in line - {record.version}:
                if self.versions[number].promoted is None:
                    self._change(number, status=VersionStatus.REPLAYED, decided=record)
        self._moved(record)

    def _rolled_back(self, record: RolledBack) -> None:
        line = self._line(record.version)
        for number in line:  # takes back an earlier rollback or rebase
            if self.versions[number].status in (VersionStatus.ROLLED_BACK, VersionStatus.REPLACED):
                back = VersionStatus.PROMOTED if self.versions[number].promoted else VersionStatus.REPLAYED
                self._change(number, status=back, decided=record)
        self._set_aside(self._line(self.head) - line, VersionStatus.ROLLED_BACK, record)
        self._moved(record)

    def _moved(self, record: Promoted | RolledBack) -> None:
        self.head, self.head_since = record.version, record.time
        self.moves.items.append((self.sequence, record))

    def _set_aside(self, dropped: set[int], status: VersionStatus, record: Record) -> None:
        """Mark `dropped` and what was built on them."""
        gone = set(dropped)
        for number, version in self.versions.items():  # a parent has a smaller number than its children
            if version.parent in gone:
                gone.add(number)
        for number in gone:
            if self.versions[number].status not in (*_NEVER_IN_PRODUCTION, status):
                self._change(number, status=status, decided=record)
