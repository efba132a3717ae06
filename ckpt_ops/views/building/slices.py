"""Slices as rows, filtered and some at a time."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping

from ckpt_ops.errors import BadInput
from ckpt_ops.lineage import LineageState, SliceState, plan, repeated
from ckpt_ops.lineage.missing import acknowledged_keys, missing_keys
from ckpt_ops.lineage.records import SliceTainted
from ckpt_ops.lineage.state import SliceStatus
from ckpt_ops.views.building.summary import late_keys
from ckpt_ops.views.description import Description
from ckpt_ops.views.slices import Acknowledged, SliceRow, SlicesView

PAGE = 200
MOST_MISSING = 200
WHICH = (
    *(status.value for status in SliceStatus),
    "pending",
    "consumed",
    "suspect",
    "late",
    "set aside",
    "changed at source",
)


def slices_view(
    state: LineageState,
    description: Description,
    *,
    search: str = "",
    which: str = "",
    before: str | None = None,
    most: int = PAGE,
) -> SlicesView:
    """Slices, the newest first.

    Args:
        search: a part of the key, the revision or the reason; case does not matter.
        which: one of `WHICH`; "": all.
        before: a key: only those before it.
        most: how many rows.

    Raises:
        BadInput: there is no such kind of slice.
    """
    if which and which not in WHICH:
        raise BadInput("status", which, f"one of {', '.join(WHICH)}, or none for all")
    kinds = _kinds(state, description.late_within)
    wanted = [
        key
        for key in sorted(state.slices, reverse=True)
        if (not which or which in kinds[key]) and _has(state.slices[key], search)
    ]
    page = [key for key in wanted if before is None or key < before]
    missing, known = missing_keys(state), acknowledged_keys(state)
    return SlicesView(
        model=state.model,
        rows=slice_rows(state, page[:most], description),
        found=len(wanted),
        older=page[most - 1] if len(page) > most else None,
        counts=dict(Counter(kind for found in kinds.values() for kind in found)),
        missing=tuple(missing[-MOST_MISSING:]),
        missing_in_all=len(missing),
        acknowledged=tuple(filter(None, (acknowledged(state, key) for key in known[-MOST_MISSING:]))),
        acknowledged_in_all=len(known),
    )


def acknowledged(state: LineageState, key: str) -> Acknowledged | None:
    """What a person said of the slice when it was missing; None: nobody did."""
    record = state.acknowledged.get(key)
    if record is None:
        return None
    return Acknowledged(
        key=key,
        reason=record.reason,
        actor=record.actor,
        time=record.time,
        arrived=key in state.slices,
    )


def slice_rows(state: LineageState, keys: list[str], description: Description) -> tuple[SliceRow, ...]:
    """A row for each key, in their order; every key has a slice.

    Only the pipeline knows what code and settings a run would train with. So a slice whose like was tried
    before stays what the planner makes of it, and `why` and `repeats` say that a run may find it done.
    """
    changed, seen = state.changed_slices, seen_by(state)
    late = set(late_keys(state, description.late_within))
    found = []
    for key in keys:
        entry = state.slices[key]
        planned = plan(state, key, late_within=description.late_within)
        tried = repeated(state, planned)
        why = f"{planned.why}; {tried.message}" if tried else planned.why
        if key in changed:
            why = f"{why}; CHANGED AT ITS SOURCE, noticed {changed[key][:10]}: a run pulls it again"
        taint = state.tainted.get(entry.ref.id) or _consumed_taint(state, key)
        pending = entry.status is SliceStatus.ACCEPTED and key not in state.consumed
        found.append(
            SliceRow(
                key=key,
                revision=entry.ref.revision,
                rows=entry.ref.rows,
                status=entry.status.value,
                reason=entry.reason,
                consumed_by=state.consumed_by(key),
                action=planned.action.value,
                why=why,
                changed_at_source=changed.get(key),
                repeats=tried.version.version if tried else None,
                time=entry.time,
                report=entry.report,
                origin=entry.origin,
                set_aside=entry.set_aside,
                released=entry.released,
                seen_by=seen.get(key, ()),
                suspect=state.suspects.get(entry.ref.id) if pending else None,
                late=key in late,
                tainted=taint.reason if taint is not None else None,
            )
        )
    return tuple(found)


def seen_by(state: LineageState) -> Mapping[str, tuple[int, ...]]:
    """By key, every version that was trained on the slice, in any revision."""
    found: dict[str, list[int]] = {}
    for number, version in state.versions.items():
        for ref in version.slices:
            found.setdefault(ref.key, []).append(number)
    return {key: tuple(dict.fromkeys(numbers)) for key, numbers in found.items()}


def _consumed_taint(state: LineageState, key: str) -> SliceTainted | None:
    ref = state.consumed.get(key)
    return state.tainted.get(ref.id) if ref is not None else None


def _kinds(state: LineageState, late_within: int) -> dict[str, set[str]]:
    """By key, which of `WHICH` it is."""
    pending = {ref.key: ref for ref in state.pending()}
    late, changed = set(late_keys(state, late_within)), state.changed_slices
    found = {}
    for key, entry in state.slices.items():
        found[key] = {entry.status.value}
        for kind, is_one in (
            ("pending", key in pending),
            ("consumed", key in state.consumed),
            ("suspect", key in pending and pending[key].id in state.suspects),
            ("late", key in late),
            ("set aside", bool(entry.set_aside) and entry.status is SliceStatus.ACCEPTED),
            ("changed at source", key in changed),
        ):
            if is_one:
                found[key].add(kind)
    return found


def _has(entry: SliceState, search: str) -> bool:
    wanted = search.casefold()
    return not wanted or any(
        wanted in text.casefold() for text in (entry.ref.key, entry.ref.revision, entry.reason)
    )
