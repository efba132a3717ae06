"""Where a model stands, with its last records."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from ckpt_ops.lineage import LineageState, ModelLog
from ckpt_ops.lineage.awaiting import waits
from ckpt_ops.lineage.changed_at_source import changed_view
from ckpt_ops.lineage.encoding import to_payload
from ckpt_ops.lineage.production import below_floor, taint_view
from ckpt_ops.lineage.quarantined import in_quarantine
from ckpt_ops.lineage.rebase import plan_rebase
from ckpt_ops.lineage.records import Record
from ckpt_ops.lineage.shadow import in_shadow
from ckpt_ops.lineage.suspects import suspects
from ckpt_ops.views.building.numbers import all_finite
from ckpt_ops.views.building.trained_on import refs, shadow_progress
from ckpt_ops.views.fleet import Summary
from ckpt_ops.views.plain import plain
from ckpt_ops.views.status import ChangedRow, StatusView, SuspectRow, TaintRow

LAST = 3


def status_view(log: ModelLog, state: LineageState, summary: Summary) -> StatusView:
    """Of the state, and the last records of its log."""
    rebase, waiting, taint = plan_rebase(state), in_quarantine(state), taint_view(state)
    head = state.versions[state.head] if state.head is not None else None
    evaluated = head.evaluated if head is not None else None
    return StatusView(
        model=state.model,
        head=state.head,
        held=state.held,
        tainted=TaintRow(**taint) if taint is not None else None,
        rebase_due=tuple(change.key for change in rebase.changes) if rebase else (),
        metrics=all_finite(evaluated.metrics.get("candidate", {})) if evaluated is not None else {},
        newest_consumed=state.newest_consumed,
        waiting=tuple(number for number, version in state.versions.items() if waits(state, version)),
        pending=refs(state.pending()),
        quarantined=tuple(one.key for one in waiting if one.whole and not one.suspect),
        set_aside=tuple(one.key for one in waiting if not one.whole),
        suspects=tuple(SuspectRow(**asdict(one), like_a_change=one.like_a_change) for one in suspects(state)),
        changed_at_source=tuple(ChangedRow(**one) for one in changed_view(state)),
        below_floor=below_floor(state),
        shadow=shadow_progress(in_shadow(state)),
        versions=len(state.versions),
        records=state.sequence,
        last=tuple(record_view(number, record) for number, record in log.tail(LAST, of=state)),
        summary=summary,
    )


def unreadable_status(summary: Summary) -> StatusView:
    """Of a model whose log cannot be read."""
    return StatusView(model=summary.model, metrics={}, summary=summary, problem=summary.problem)


def record_view(number: int, record: Record) -> dict[str, Any]:
    """A record with its number, as plain values."""
    found: dict[str, Any] = plain({"sequence": number, **to_payload(record)})
    return found
