"""What becomes of a model's slices when rows of them are forgotten: a pure choice, then a record for each.

A slice that keeps some rows gets a revision without the others, accepted on a person's decision: the old
content, pulled again, changes nothing. One that keeps none is withdrawn. What is in quarantine stays there,
without them.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import Enum

from ckpt_ops.errors import ObjectNotFound
from ckpt_ops.lineage import LineageState, ModelLog, fold
from ckpt_ops.lineage.records import (
    Record,
    SliceAccepted,
    SliceDiscarded,
    SliceQuarantined,
    SliceRef,
    SliceWithdrawn,
)
from ckpt_ops.lineage.state import SliceState, SliceStatus
from ckpt_ops.slices import SliceManifest, load_manifest
from ckpt_ops.slices.derive import forgotten
from ckpt_ops.slices.predicate import Predicate
from ckpt_ops.slices.row_search import Found
from ckpt_ops.store import Store
from ckpt_ops.validation import Kind, Outcome, Reason, Severity, Validation, report_name
from ckpt_ops.validation.report import report_html


class Becomes(Enum):
    """What becomes of a slice."""

    REVISED = "a revision without them"
    WITHDRAWN = "withdrawn: nothing of it is left"
    QUARANTINED = "in quarantine, without them"
    DISCARDED = "out of quarantine: nothing of it is left"


@dataclass(frozen=True, kw_only=True)
class Change:
    """A slice with forgotten rows.

    Attributes:
        was: the current revision.
        rows: how many of it go. 0: only rows set aside from it.
        entry: the slice's state in the log.
    """

    key: str
    becomes: Becomes
    was: SliceRef
    rows: int
    entry: SliceState


def changes(state: LineageState, found: Found) -> tuple[Change, ...]:
    """The changes of the model's slices, from what was found in their revisions; in key order."""
    due = []
    for key, entry in sorted(state.slices.items()):
        stands = _standing(state, key, entry)
        if stands is not None:
            rows = found.rows(key, stands.revision)
            aside = entry.set_aside and entry.ref == stands and found.rows(key, entry.pulled)
            if rows or aside:
                becomes = Becomes.REVISED if rows < stands.rows else Becomes.WITHDRAWN
                due.append(Change(key=key, becomes=becomes, was=stands, rows=rows, entry=entry))
                continue
        rows = found.rows(key, entry.ref.revision)
        if rows and entry.status in (SliceStatus.QUARANTINED, SliceStatus.TAINTED):
            becomes = Becomes.DISCARDED if stands is not None else Becomes.WITHDRAWN
            if entry.status is SliceStatus.QUARANTINED and rows < entry.ref.rows:
                becomes = Becomes.QUARANTINED
            due.append(Change(key=key, becomes=becomes, was=entry.ref, rows=rows, entry=entry))
    return tuple(due)


def as_if(state: LineageState, due: Iterable[Change]) -> LineageState:
    """The state after `due`; revisions that are not made yet have a different name."""
    records: list[Record] = []
    for change in due:
        left = SliceRef(
            key=change.key, revision=f"{change.was.revision}-", rows=change.was.rows - change.rows
        )
        records.append(_record(change, left if change.rows else change.was, "", report=""))
    return fold(state.model, records, after=state)


def apply(
    store: Store, log: ModelLog, source: str, change: Change, predicates: Sequence[Predicate], why: str
) -> None:
    """Make the revision that is needed and record it in the log, unless the log has moved on."""
    record = _record(change, change.was, why, report="")
    if change.becomes in (Becomes.REVISED, Becomes.QUARANTINED):
        record = _with_revision(store, source, change, predicates, why)

    def choose(state: LineageState) -> Record | None:
        return record if state.slices.get(change.key) == change.entry else None

    log.decide(choose)


def _with_revision(
    store: Store, source: str, change: Change, predicates: Sequence[Predicate], why: str
) -> Record:
    entry = change.entry
    left = forgotten(store, load_manifest(store, source, change.key, change.was.revision), predicates)
    if left is None:  # more rows match than were found: the state behind this choice is old
        return _record(change, change.was, why, report="")
    ref = SliceRef(key=change.key, revision=left.revision, rows=left.rows)
    if change.becomes is Becomes.QUARANTINED:
        return _record(change, ref, why, report=_note(store, left, Outcome.QUARANTINED, change))
    base = _base(store, source, change, predicates)
    if base is None or base.revision == left.revision or entry.ref != change.was:
        return _record(change, ref, why, report=_note(store, left, Outcome.ACCEPTED, change))
    aside = base.rows - left.rows if entry.set_aside else 0
    outcome = Outcome.SET_ASIDE if aside else Outcome.ACCEPTED
    report = _note(store, base, outcome, change, set_aside=aside)
    return _record(change, ref, why, report=report, origin=base.revision, set_aside=aside)


def _standing(state: LineageState, key: str, entry: SliceState) -> SliceRef | None:
    """What is trained on: the newest accepted revision, or a consumed one that is still valid."""
    if entry.status is SliceStatus.ACCEPTED:
        return entry.ref
    consumed = state.consumed.get(key)
    return None if consumed is None else state.standing(consumed)


def _base(store: Store, source: str, change: Change, predicates: Sequence[Predicate]) -> SliceManifest | None:
    """What was pulled, with the rows set aside from it, without the forgotten ones."""
    if not change.entry.origin:
        return None
    try:
        pulled = load_manifest(store, source, change.key, change.entry.origin)
    except ObjectNotFound:  # removed with other rows that were forgotten
        return None
    return forgotten(store, pulled, predicates)


def _record(
    change: Change, ref: SliceRef, why: str, *, report: str, origin: str = "", set_aside: int = 0
) -> Record:
    match change.becomes:
        case Becomes.REVISED:
            return SliceAccepted(
                slice=ref, origin=origin, set_aside=set_aside, released=True, report=report, reason=why
            )
        case Becomes.QUARANTINED:
            return SliceQuarantined(slice=ref, report=report, reason=change.entry.reason)
        case Becomes.WITHDRAWN:
            return SliceWithdrawn(slice=change.was, reason=why)
    return SliceDiscarded(slice=change.was, reason=why)


def _note(store: Store, manifest: SliceManifest, outcome: Outcome, change: Change, set_aside: int = 0) -> str:
    """Replace the verdict, whose pages may show values of forgotten rows; returns its object name."""
    message = (
        f"revision {change.was.revision} was evaluated; the revision in its place lacks rows that were "
        "forgotten since, and was not evaluated again"
    )
    severity = Severity.CRITICAL if outcome is Outcome.QUARANTINED else Severity.INFO
    verdict = Validation(
        outcome=outcome,
        rows=manifest.rows,
        reasons=(Reason(kind=Kind.NOT_EVALUATED, column="", message=message, severity=severity),),
        expectations=0,
        seconds=0.0,
        suite="",
        suite_digest="",
        set_aside=set_aside,
    )
    name = report_name(manifest.prefix, outcome)
    page = report_html(verdict, source=manifest.source, key=manifest.key, revision=manifest.revision)
    store.put(name.replace(".json", ".html"), page.encode())
    store.put(name, verdict.to_json())
    return name
