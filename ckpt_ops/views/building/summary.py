"""Where a model stands, from its state."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime

from ckpt_ops.lineage import LineageState, VersionState
from ckpt_ops.lineage.awaiting import waits
from ckpt_ops.lineage.missing import acknowledged_keys, unanswered_keys
from ckpt_ops.lineage.production import below_floor, periods
from ckpt_ops.lineage.quarantined import in_quarantine
from ckpt_ops.lineage.rebase import plan_rebase
from ckpt_ops.lineage.suspects import suspects
from ckpt_ops.lineage.training_pace import slower_training
from ckpt_ops.store import Store
from ckpt_ops.views.building.attention import MOST_KEYS, attention, stale
from ckpt_ops.views.building.decided import last_decision, last_rejection
from ckpt_ops.views.building.drift import drift_of, newest_drift
from ckpt_ops.views.building.numbers import better, only_finite, ordered, production_scores
from ckpt_ops.views.description import Description
from ckpt_ops.views.fleet import Summary
from ckpt_ops.views.shapes import Attention, Point, Series, Wants
from ckpt_ops.views.training import training_versions

POINTS = 30
_URGENCY = {what: place for place, what in enumerate(Wants)}


def summary(store: Store, state: LineageState, description: Description) -> Summary:
    """Everything but what depends on the time of the day: see `as_of`, and the training that runs."""
    head = state.versions.get(state.head) if state.head is not None else None
    consumed = state.newest_consumed
    waiting = tuple(number for number, one in state.versions.items() if waits(state, one))
    quarantine, suspect = in_quarantine(state), suspects(state)
    rebase = plan_rebase(state)
    keys = {
        "pending": [ref.key for ref in state.pending()],
        "late": list(late_keys(state, description.late_within)),
        "quarantined": [one.key for one in quarantine if one.whole and not one.suspect],
        "set_aside": [one.key for one in quarantine if not one.whole],
        "suspects": [one.key for one in suspect],
        "missing": unanswered_keys(state),
        "acknowledged": acknowledged_keys(state),
        "changed_at_source": list(state.changed_slices),
        "rebase_due": [change.key for change in rebase.changes] if rebase else [],
    }
    newest = {name: tuple(found[-MOST_KEYS:]) for name, found in keys.items()}
    below, rejected = below_floor(state), last_rejection(state)
    period = periods(state, last=1)[-1] if state.moves else None
    taint = state.taint(state.head)
    return Summary(
        model=state.model,
        head=state.head,
        head_since=state.head_since,
        head_how=period.how.value if period else "",
        head_why=period.why if period else "",
        head_by=period.actor if period else "",
        versions=len(state.versions),
        generation=state.generation(state.head),
        freshness_hours=description.freshness_hours,
        newest_consumed=consumed,
        consumed_time=_consumed_time(state, consumed),
        newest_slice=max(state.slices, default=None),
        last=last_decision(state),
        last_rejected=rejected,
        metric=_metric(state, description.metric),
        metrics=_metrics(head, description.metric),
        pending=newest["pending"],
        late=newest["late"],
        quarantined=newest["quarantined"],
        set_aside=newest["set_aside"],
        suspects=newest["suspects"],
        missing=newest["missing"],
        acknowledged=newest["acknowledged"],
        changed_at_source=newest["changed_at_source"],
        rebase_due=newest["rebase_due"],
        counts=tuple((name, len(found)) for name, found in keys.items()),
        waiting=waiting,
        held=state.held,
        tainted=f"slice {taint.slice.key}: {taint.reason}" if taint else None,
        drift=newest_drift(drift_of(store, state)),
        attention=attention(
            state,
            below=below,
            waiting=waiting,
            late=keys["late"],
            suspect=suspect,
            quarantined=keys["quarantined"],
            set_aside=keys["set_aside"],
            reasons={one.key: one.reason for one in quarantine},
            rebase_due=keys["rebase_due"],
            changed=keys["changed_at_source"],
            missing=keys["missing"],
            rejected=rejected,
            slower=slower_training(state),
        ),
        training_versions=training_versions(state),
        records=state.sequence,
    )


def as_of(found: Summary, now: datetime) -> Summary:
    """With what depends on the time: whether the freshness objective is missed."""
    missed = stale(found, now)
    if missed is None:
        return found
    return replace(found, attention=by_urgency([*found.attention, missed]))


def unreadable(model: str, problem: str) -> Summary:
    """Of a model whose log cannot be read."""
    found = Attention(what=Wants.UNREADABLE, message=problem, command=f"ckpt-ops log {model}")
    return Summary(model=model, problem=problem, attention=(found,))


def by_urgency(found: Sequence[Attention]) -> tuple[Attention, ...]:
    """The most urgent first, else as they are."""
    return tuple(sorted(found, key=lambda one: _URGENCY[one.what]))


def urgency(found: Summary) -> tuple[int, str]:
    """Sorts models: those that need a person first, the most urgent of them before others."""
    first = min((_URGENCY[one.what] for one in found.attention), default=len(_URGENCY))
    return first, found.model


def late_keys(state: LineageState, within: int) -> tuple[str, ...]:
    """Pending slices that are too late to be appended, and on which no person has decided."""
    return tuple(
        ref.key
        for ref in state.pending()
        if state.newer_than(ref.key) > within and state.resolved.get(ref.id) is None
    )


def _consumed_time(state: LineageState, key: str | None) -> str:
    """When the version that consumed the slice was promoted: a step of a rebase, with its last one."""
    number = state.consumed_by(key) if key is not None else None
    if number is None:
        return ""
    line = [one for one in state.ancestry(state.head) if one.version >= number]
    promoted = next((one.promoted for one in line if one.promoted is not None), None)
    return promoted.time if promoted is not None else state.head_since


def _metric(state: LineageState, first: str) -> Series | None:
    scores = production_scores(state)
    names = ordered((name for values in scores.values() for name in values), first)
    if not names:
        return None
    points = [Point(at=key, value=values[names[0]]) for key, values in scores.items() if names[0] in values]
    return Series(metric=names[0], points=tuple(points[-POINTS:]), better=better(names[0]))


def _metrics(head: VersionState | None, first: str) -> tuple[tuple[str, float], ...]:
    if head is None or head.evaluated is None:
        return ()
    values = only_finite(head.evaluated.metrics.get("candidate", {}))
    return tuple((name, values[name]) for name in ordered(values, first))
