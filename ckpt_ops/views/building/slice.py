"""The page of one slice: what the log says of it, its revisions, the verdict."""

from __future__ import annotations

from itertools import islice

from ckpt_ops.errors import BadInput, Corrupt, ObjectNotFound
from ckpt_ops.lineage import LineageState, ModelLog
from ckpt_ops.lineage.encoding import type_name
from ckpt_ops.lineage.missing import may_be_missing
from ckpt_ops.lineage.records import (
    AcknowledgementLifted,
    LateSliceResolved,
    MissingAcknowledged,
    Record,
    SliceAccepted,
    SliceDiscarded,
    SliceQuarantined,
    SliceTainted,
    SliceWithdrawn,
    TaintLifted,
    UpdateDeferred,
)
from ckpt_ops.slices import SliceManifest, list_slices
from ckpt_ops.store import Store
from ckpt_ops.validation.quarantine import read_verdict
from ckpt_ops.validation.verdict import Validation
from ckpt_ops.views.building.choices import on_missing, on_slice
from ckpt_ops.views.building.numbers import all_finite, only_finite, production_scores
from ckpt_ops.views.building.slices import acknowledged, slice_rows
from ckpt_ops.views.description import Description
from ckpt_ops.views.slices import MissingView, ReasonRow, RevisionRow, Said, SliceView, VerdictView

MOST_RECORDS = 2_000
"""So many of the newest records are looked through: each is an object of the store."""
_ON_A_SLICE = (
    SliceAccepted,
    SliceQuarantined,
    SliceDiscarded,
    SliceWithdrawn,
    SliceTainted,
    TaintLifted,
    LateSliceResolved,
    UpdateDeferred,
)
_ON_A_MISSING_ONE = (MissingAcknowledged, AcknowledgementLifted)


def slice_view(
    store: Store, log: ModelLog, state: LineageState, description: Description, key: str
) -> SliceView:
    """Raises `BadInput`: the model has no such slice."""
    if key not in state.slices:
        known = ", ".join(sorted(state.slices)[-10:]) or "none yet"
        raise BadInput(
            "slice", key, f"a slice of {state.model}: ... {known}", next=f"ckpt-ops slices {state.model}"
        )
    (row,) = slice_rows(state, [key], description)
    history, whole = _history(log, state, key)
    ids = {ref.id for one in state.versions.values() for ref in one.slices if ref.key == key}
    descend = set(state.consumers_of(ids)) - set(row.seen_by)
    return SliceView(
        model=state.model,
        slice=row,
        history=history,
        whole=whole,
        revisions=_revisions(store, state, description, key),
        verdict=_verdict(store, row.report),
        inherited_by=tuple(sorted(descend)),
        scores=all_finite(production_scores(state).get(key, {})),
        may=on_slice(state, key),
        acknowledged=acknowledged(state, key),
    )


def is_missing(state: LineageState, key: str) -> bool:
    """Whether there is a page of this key though no slice has come: see `missing_view`."""
    return may_be_missing(state, key) or (key in state.acknowledged and key not in state.slices)


def missing_view(log: ModelLog, state: LineageState, key: str) -> MissingView:
    """A slice that has not come. Raises `BadInput`: none of this key is missing."""
    if not is_missing(state, key):
        raise BadInput(
            "slice", key, f"a slice that {state.model} misses", next=f"ckpt-ops slices {state.model}"
        )
    history, whole = _history(log, state, key)
    return MissingView(
        model=state.model,
        key=key,
        after=max((one for one in state.slices if one < key), default=None),
        before=min((one for one in state.slices if one > key), default=None),
        newer=state.newer_than(key),
        acknowledged=acknowledged(state, key),
        history=history,
        whole=whole,
        may=on_missing(state, key),
    )


def _history(log: ModelLog, state: LineageState, key: str) -> tuple[tuple[Said, ...], bool]:
    """What the log says of the slice, the newest first, and whether all of the log was looked through."""
    read = list(islice(log.backwards(of=state), MOST_RECORDS))
    about = tuple(_said(number, record) for number, record in read if _about(record) == key)
    return about, len(read) == state.sequence


def _about(record: Record) -> str | None:
    """The key of the slice that a record is about; None for one that is about something else."""
    if isinstance(record, _ON_A_MISSING_ONE):
        return record.key
    return record.slice.key if isinstance(record, _ON_A_SLICE) else None


def source_of(state: LineageState, description: Description, key: str = "") -> str:
    """The name of the source, as the verdicts or the pipeline's description name it; "": nobody knows."""
    entries = [*filter(None, [state.slices.get(key)]), *state.slices.values()]
    for entry in entries:
        parts = entry.report.split("/")
        if len(parts) > 2 and parts[0] == "slices":
            return str(parts[1])
    return description.source


def _said(number: int, record: Record) -> Said:
    ref = None if isinstance(record, _ON_A_MISSING_ONE) else getattr(record, "slice", None)
    return Said(
        number=number,
        what=type_name(record),
        time=record.time,
        actor=record.actor,
        run=record.run,
        reason=record.reason,
        revision=ref.revision if ref is not None else "",
        rows=ref.rows if ref is not None else 0,
        set_aside=record.set_aside if isinstance(record, SliceAccepted) else 0,
        report=record.report if isinstance(record, SliceAccepted | SliceQuarantined) else "",
    )


def _revisions(
    store: Store, state: LineageState, description: Description, key: str
) -> tuple[RevisionRow, ...]:
    source = source_of(state, description, key)
    if not source:
        return ()
    return tuple(_revision(one, state) for one in list_slices(store, source, key))


def _revision(one: SliceManifest, state: LineageState) -> RevisionRow:
    entry, consumed = state.slices[one.key], state.consumed.get(one.key)
    return RevisionRow(
        revision=one.revision,
        rows=one.rows,
        made=one.pulled_at,
        how="as pulled" if one.derived is None else f"{one.derived.how}, of {one.derived.revision}",
        roles=tuple(
            role
            for role, is_it in (
                ("newest", entry.ref.revision == one.revision),
                ("consumed", consumed is not None and consumed.revision == one.revision),
                ("in quarantine", bool(entry.in_quarantine) and entry.pulled == one.revision),
            )
            if is_it
        ),
    )


def _verdict(store: Store, report: str) -> VerdictView | None:
    if not report:
        return None
    try:
        found = read_verdict(store, report)
    except (ObjectNotFound, Corrupt):
        return None
    return verdict_view(found)


def verdict_view(found: Validation) -> VerdictView:
    """What a report of validation says."""
    return VerdictView(
        outcome=found.outcome.value,
        summary=found.summary,
        rows=found.rows,
        set_aside=found.set_aside,
        unread=found.unread,
        expectations=found.expectations,
        seconds=found.seconds,
        suite=found.suite,
        reasons=tuple(
            ReasonRow(
                kind=one.kind.value,
                severity=one.severity.value,
                column=one.column,
                message=one.message,
                expectation=one.expectation,
                unexpected_count=one.unexpected_count,
                examples=one.examples,
                why=one.why,
            )
            for one in found.reasons
        ),
        drift=only_finite(found.drift),
    )
