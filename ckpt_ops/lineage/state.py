"""The state of a model: its slices, its versions, its head. `fold` makes it from the log's records."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum
from functools import cached_property
from typing import TYPE_CHECKING, Any

from ckpt_ops.errors import BadInput
from ckpt_ops.lineage.lookups import Children, Keys, Line
from ckpt_ops.lineage.moves import Move
from ckpt_ops.lineage.records import (
    Approved,
    CandidateStarted,
    CandidateTrained,
    Converted,
    Evaluated,
    Exported,
    Forgotten,
    MissingAcknowledged,
    Predicted,
    Promoted,
    Purged,
    Record,
    Rejected,
    ShadowScored,
    SliceAccepted,
    SliceDiscarded,
    SliceQuarantined,
    SliceRef,
    SliceTainted,
    SliceWithdrawn,
    UpdateDeferred,
    slice_id,
)


class SliceStatus(Enum):
    """What validation or a person decided on a slice's newest revision."""

    ACCEPTED = "accepted"
    QUARANTINED = "quarantined"
    DISCARDED = "discarded"
    WITHDRAWN = "withdrawn"
    TAINTED = "tainted"


@dataclass(frozen=True, kw_only=True)
class SliceState:
    """The newest known revision of a slice.

    Attributes:
        origin: the revision that was pulled, if `ref` was made from it, else "".
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
        """No person has decided on it."""
        return self.status is SliceStatus.QUARANTINED or (
            self.status is SliceStatus.ACCEPTED and not self.released
        )

    @property
    def in_quarantine(self) -> int:
        """Rows that a person may release or discard."""
        return self.ref.rows if self.status is SliceStatus.QUARANTINED else self.set_aside


class VersionStatus(Enum):
    """How far a version has come.

    After a rebase, the steps on the way to its result are REPLAYED, the versions they replace REPLACED.
    """

    STARTED = "started"
    TRAINED = "trained"
    EVALUATED = "evaluated"
    PROMOTED = "promoted"
    REJECTED = "rejected"
    ROLLED_BACK = "rolled back"
    DEFERRED = "deferred"
    REPLAYED = "replayed"
    REPLACED = "replaced"


OF_VERSION = ("started", "trained", "evaluated", "decided", "approved", "promoted")
"""The fields of a version that hold records."""


def _none() -> None:
    """A default that leaves no attribute in the class: see `VersionState.__getattr__`."""


@dataclass(frozen=True, kw_only=True)
class VersionState:
    """A candidate or version with the records that made it.

    Attributes:
        decided: the last decision on it.
        approved: the approval of its promotion.
        promoted: its promotion, also after it was rolled back.
    """

    version: int
    candidate: str
    parent: int | None
    slices: tuple[SliceRef, ...]
    status: VersionStatus
    started: CandidateStarted
    trained: CandidateTrained | None = field(default_factory=_none)
    evaluated: Evaluated | None = field(default_factory=_none)
    decided: Record | None = field(default_factory=_none)
    approved: Approved | None = field(default_factory=_none)
    promoted: Promoted | None = field(default_factory=_none)

    if not TYPE_CHECKING:

        def __getattr__(self, name: str) -> Any:
            """A record that a snapshot holds: it is read when it is first asked for."""
            read = self.__dict__.get("_read")
            if read is None or name not in OF_VERSION:
                raise AttributeError(name)
            self.__dict__[name] = found = read(name)
            return found

    @classmethod
    def unread(cls, values: Mapping[str, Any], read: Callable[[str], Record]) -> VersionState:
        """A version of which some records are not among `values`.

        Args:
            values: fields, and of what follows from its records what is known already.
            read: gives the record in that field.
        """
        found = object.__new__(cls)
        found.__dict__.update(values, _read=read)
        return found

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

    @cached_property
    def without(self) -> tuple[SliceRef, ...]:
        """Of a retraining: slices consumed before that it does without. See `Again.without`."""
        return self.started.again.without if self.started.again is not None else ()

    @cached_property
    def ordinary(self) -> bool:
        """It goes on from the head with what is new: neither a retraining nor a step of a rebase."""
        return self.started.replaces is None and self.started.again is None

    @cached_property
    def transferred(self) -> bool:
        """It was trained with a changed structure: its variables came by a transfer."""
        return self.trained is not None and "transfer" in self.trained.artifacts

    @cached_property
    def trained_at(self) -> tuple[str, float] | None:
        """When its training ended, UTC, ISO 8601, and the seconds that it stepped; None: it has not."""
        return None if self.trained is None else (self.trained.time, self.trained.seconds)

    @property
    def champion(self) -> int | None:
        """The version that it is evaluated against."""
        return self.parent if self.started.replaces is None else self.started.replaces

    @property
    def superseded(self) -> bool:
        """It was rejected, but not by a gate or a person: see `Rejected.superseded`."""
        return isinstance(self.decided, Rejected) and self.decided.superseded

    @property
    def refused(self) -> bool:
        """It was rejected, rolled back or deferred: it is never a parent, and not tried again."""
        match self.status:
            case VersionStatus.REJECTED:
                return not self.superseded
            case VersionStatus.ROLLED_BACK:
                return self.promoted is not None
        return self.status is VersionStatus.DEFERRED

    @property
    def open(self) -> bool:
        """It may still be trained to its end, evaluated and promoted."""
        return self.status in (VersionStatus.STARTED, VersionStatus.TRAINED, VersionStatus.EVALUATED)

    @property
    def spent(self) -> bool:
        """Nothing will be built on it: its checkpoints may go. Another rebase may reuse a step of one."""
        rejected = self.status is VersionStatus.REJECTED and self.started.replaces is None
        return self.refused or rejected


OnSlice = SliceAccepted | SliceQuarantined | SliceDiscarded | SliceWithdrawn | SliceTainted
STATUS_OF: Mapping[type[OnSlice], SliceStatus] = {
    SliceAccepted: SliceStatus.ACCEPTED,
    SliceQuarantined: SliceStatus.QUARANTINED,
    SliceDiscarded: SliceStatus.DISCARDED,
    SliceWithdrawn: SliceStatus.WITHDRAWN,
    SliceTainted: SliceStatus.TAINTED,
}
"""What a record makes of its slice."""

ByAPerson = SliceAccepted | SliceDiscarded | SliceWithdrawn | SliceTainted
"""A person's decision on a slice; of the accepted ones, those that were released."""


def scored_id(version: int, ref: SliceRef) -> str:
    """What names the predictions that a version made in shadow of one revision of a slice."""
    return f"{version}:{ref.id}"


@dataclass(frozen=True, kw_only=True)
class LineageState:
    """Everything true of a model after `sequence` records.

    Attributes:
        head: the version in production, which is also the parent of the next candidate.
        head_since: when it was put there, by a promotion or a rollback; UTC, ISO 8601; "" without a head.
        moves: every record that put a version into production, with its number in the log, in order.
        held: why the model is on hold and nothing may train, or None.
        rejections: by slice id, how many candidates with it were rejected since the last release.
        suspects: by slice id, why a candidate was rejected because of it: the next one is trained without
            it, until a person decides.
        deferred: by slice key, why the update policy last deferred it.
        settled: by slice id, of the revision as it was pulled, what a person decided: released, discarded,
            withdrawn, tainted.
        tainted: by slice id, why nothing may be built on it.
        resolved: by the id of a slice that came too late, whether a person chose to fork for it; else to
            append it.
        changed_at_source: by slice id, of the revision as it was pulled, since when its source has had
            different content; UTC, ISO 8601. See `changed_slices`.
        acknowledged: by key, that a person said why the slice is missing. It may have come since.
        dropped: versions whose checkpoints are gone.
        forgotten: by request, what a person asked to forget, in order.
        purged: by request, that it is done.
        scored: by `scored_id`, that a candidate in shadow has predicted a slice.
        converted: by "VERSION FORMAT", the result of the last conversion.
        exported: by `Exported.key`, what was written in a format of another library. A purge may have removed
            it since.
        predicted: by "VERSION SLICE-ID", the predictions that were made. A purge may have removed them since.
    """

    model: str
    sequence: int = 0
    slices: Mapping[str, SliceState] = field(default_factory=dict)
    versions: dict[int, VersionState] = field(default_factory=dict)
    head: int | None = None
    head_since: str = ""
    moves: Sequence[Move] = ()
    held: str | None = None
    rejections: Mapping[str, int] = field(default_factory=dict)
    suspects: Mapping[str, str] = field(default_factory=dict)
    deferred: Mapping[str, UpdateDeferred] = field(default_factory=dict)
    settled: Mapping[str, ByAPerson] = field(default_factory=dict)
    tainted: Mapping[str, SliceTainted] = field(default_factory=dict)
    resolved: Mapping[str, bool] = field(default_factory=dict)
    changed_at_source: Mapping[str, str] = field(default_factory=dict)
    acknowledged: Mapping[str, MissingAcknowledged] = field(default_factory=dict)
    dropped: frozenset[int] = frozenset()
    forgotten: Mapping[str, Forgotten] = field(default_factory=dict)
    purged: Mapping[str, Purged] = field(default_factory=dict)
    scored: Mapping[str, ShadowScored] = field(default_factory=dict)
    converted: Mapping[str, Converted] = field(default_factory=dict)
    exported: Mapping[str, Exported] = field(default_factory=dict)
    predicted: Mapping[str, Predicted] = field(default_factory=dict)

    def ancestry(self, version: int | None) -> tuple[VersionState, ...]:
        """`version` and its ancestors, oldest first."""
        chain: list[VersionState] = []
        while version is not None:
            state = self.versions[version]
            chain.append(state)
            version = state.parent
        return tuple(reversed(chain))

    def generation(self, version: int | None) -> int:
        """How many structures the model had until `version`: one, and one more for each transfer."""
        return 1 + sum(one.transferred for one in self.ancestry(version))

    @cached_property
    def line(self) -> Line:
        """The ancestry of the promoted head."""
        return Line(self.ancestry(self.head))

    @property
    def consumed(self) -> Mapping[str, SliceRef]:
        """By key, the slice revisions in the ancestry of the promoted head."""
        return self.line.consumed

    @property
    def passed_over(self) -> Mapping[str, int]:
        """By key, slices that nothing will train on by itself, and the version that was retrained without.

        They were consumed before, so they are not pending, and the head knows nothing of them.
        """
        return self.line.passed_over

    def consumed_by(self, key: str) -> int | None:
        """The version of the head's ancestry that was trained on the slice."""
        return self.line.consumers.get(key)

    def standing(self, consumed: SliceRef) -> SliceRef | None:
        """What should have been consumed in place of `consumed`: the newest accepted revision, or None."""
        entry = self.slices.get(consumed.key)
        if entry is not None and entry.status is SliceStatus.ACCEPTED:
            return entry.ref
        if consumed.id in self.tainted or (entry is not None and entry.status is SliceStatus.WITHDRAWN):
            return None
        return consumed  # its newer revision is in quarantine or tainted: what was consumed stands

    def taint(self, version: int | None) -> SliceTainted | None:
        """Why nothing may be built on `version`: a tainted slice that it or an ancestor was trained on."""
        if version not in self.tainted_versions:
            return None
        for one in self.ancestry(version):
            for ref in one.slices:
                if ref.id in self.tainted:
                    return self.tainted[ref.id]
        return None

    @cached_property
    def tainted_versions(self) -> frozenset[int]:
        """Versions that were trained on a tainted slice, or descend from one that was."""
        return frozenset(self.consumers_of(self.tainted))

    def consumers_of(self, ids: Collection[str]) -> tuple[int, ...]:
        """Every version, promoted or not, that was trained on any of these slices, or descends from one.

        Args:
            ids: the slices' `SliceRef.id`.
        """
        found: set[int] = set()
        for number, version in self.versions.items() if ids else ():  # parents come first
            if version.parent in found or any(ref.id in ids for ref in version.slices):
                found.add(number)
        return tuple(sorted(found))

    def newer_than(self, key: str) -> int:
        """How many consumed slices are newer than `key`."""
        return self.line.newer_than(key)

    @property
    def next_version(self) -> int:
        """The number that the next candidate gets."""
        return self.children.newest + 1

    @cached_property
    def children(self) -> Children:
        """The versions by their parent."""
        return Children(self.versions.values())

    @cached_property
    def pending_keys(self) -> Keys:
        """Of `pending`."""
        return Keys(
            key
            for key, state in self.slices.items()
            if state.status is SliceStatus.ACCEPTED
            and key not in self.consumed
            and key not in self.passed_over
        )

    @property
    def changed_slices(self) -> dict[str, str]:
        """By key, since when the source has differed from what was pulled; without slices pulled again."""
        found = {}
        for key, entry in sorted(self.slices.items()):
            since = self.changed_at_source.get(slice_id(key, entry.pulled))
            if since is not None:
                found[key] = since
        return found

    @property
    def newest_consumed(self) -> str | None:
        return self.line.keys[-1] if self.line.keys else None

    def pending(self, *, up_to: str | None = None) -> tuple[SliceRef, ...]:
        """Accepted slices that the head has not consumed in any revision, nor passed over, in key order."""
        return tuple(self.slices[key].ref for key in self.pending_keys.up_to(up_to))

    def is_pending(self, ref: SliceRef) -> bool:
        """Whether the slice is among `pending`, in this revision."""
        return ref.key in self.pending_keys and self.slices[ref.key].ref == ref

    def suspect(self, *, up_to: str | None = None) -> tuple[SliceRef, ...]:
        """Those of the pending slices that are suspect, in key order: nothing trains on them."""
        if not self.suspects:
            return ()
        return tuple(ref for ref in self.pending(up_to=up_to) if ref.id in self.suspects)

    def built_on(self, parent: int | None) -> Iterator[VersionState]:
        """The versions with this parent, the newest first."""
        return (self.versions[number] for number in reversed(self.children.of(parent)))

    @property
    def restorable(self) -> tuple[int, ...]:
        """What a rollback may go to: promoted once, not the head, its checkpoint kept, and not tainted."""
        return tuple(
            number
            for number, version in self.versions.items()
            if version.promoted
            and number != self.head
            and number not in self.dropped
            and number not in self.tainted_versions
        )

    def version(self, number: int) -> VersionState:
        """The version `number`. Raises `BadInput` naming those that exist."""
        if number not in self.versions:
            known = ", ".join(map(str, self.versions)) or "none yet"
            raise BadInput("version", number, f"a version of {self.model}: {known}")
        return self.versions[number]

    def by_candidate(self, candidate: str, *, parent: int | None) -> VersionState | None:
        """The newest version with this candidate id that was built on `parent`."""
        return next((one for one in self.built_on(parent) if one.candidate == candidate), None)
