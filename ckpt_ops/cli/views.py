"""What the reading commands show, as plain values: `--json` prints these, tables are drawn from them.

The keys are a promise to scripts: they may be added to, not renamed.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from ckpt_ops.errors import BadInput
from ckpt_ops.lineage import CandidateLog, LineageState, ModelLog, VersionState, model_names, plan, repeated
from ckpt_ops.lineage.awaiting import waits
from ckpt_ops.lineage.changed_at_source import changed_view
from ckpt_ops.lineage.encoding import encode, type_name
from ckpt_ops.lineage.production import below_floor, taint_view
from ckpt_ops.lineage.quarantined import in_quarantine
from ckpt_ops.lineage.rebase import plan_rebase
from ckpt_ops.lineage.records import Record, UpdateDeferred
from ckpt_ops.lineage.retraining import retrained_message
from ckpt_ops.lineage.shadow import InShadow, in_shadow
from ckpt_ops.lineage.suspects import suspects
from ckpt_ops.store import Store

View = dict[str, Any]


def state_of(store: Store, model: str) -> LineageState:
    """The model's state. Raises `BadInput` naming the models there are, when there is none of this name."""
    return _read(store, model)[1]


def records_of(store: Store, model: str) -> list[Record]:
    """The model's whole log. Raises `BadInput` as `state_of` does."""
    records = ModelLog(store, model).records() if _may_be(model) else []
    if not records:
        raise _unknown(store, model)
    return records


def status_view(store: Store, model: str, *, last: int = 3) -> View:
    """Where the model stands, and its last records. Raises `BadInput` as `state_of` does."""
    log, state = _read(store, model)
    plan, waiting = plan_rebase(state), in_quarantine(state)
    head = state.versions[state.head] if state.head is not None else None
    return {
        "model": model,
        "head": state.head,
        "held": state.held,
        "tainted": taint_view(state),
        "rebase_due": [change.key for change in plan.changes] if plan else [],
        "metrics": _metrics(head),
        "newest_consumed": state.newest_consumed,
        "waiting": [number for number, version in state.versions.items() if waits(state, version)],
        "pending": [asdict(ref) for ref in state.pending()],
        "quarantined": [one.key for one in waiting if one.whole and not one.suspect],
        "set_aside": [one.key for one in waiting if not one.whole],
        "suspects": [{**asdict(one), "like_a_change": one.like_a_change} for one in suspects(state)],
        "changed_at_source": changed_view(state),
        "below_floor": below_floor(state),
        "shadow": _shadow(in_shadow(state)),
        "versions": len(state.versions),
        "records": state.sequence,
        "last": [_record(sequence, record) for sequence, record in log.tail(last, of=state)],
    }


def chosen_version(state: LineageState, version: int | None) -> int:
    """The version that is meant: the head, else the newest, by default. `BadInput`: there is none yet."""
    number = version if version is not None else state.head or max(state.versions, default=None)
    if number is None:
        raise BadInput("version", None, f"a version of {state.model}; it has none yet")
    return number


def log_view(records: Sequence[Record]) -> list[View]:
    """Every record with its number, first to last."""
    return [_record(sequence, record) for sequence, record in enumerate(records, start=1)]


def version_view(store: Store, model: str, state: LineageState, number: int) -> View:
    """One version: its slices, how it was trained and evaluated, and what became of it."""
    version = state.version(number)
    progress = CandidateLog(store, model, number).progress()
    trained, evaluated, decided = version.trained, version.evaluated, version.decided
    again = version.started.again
    waits = in_shadow(state)
    return {
        "model": model,
        "version": number,
        "candidate": version.candidate,
        "status": version.status.value,
        "head": state.head == number,
        "parent": version.parent,
        "generation": state.generation(number),
        "transferred": trained is not None and "transfer" in trained.artifacts,
        "late": version.started.late,
        "retrained": retrained_message(version),
        "retrained_without": [asdict(ref) for ref in again.without] if again else [],
        "why": version.started.reason,
        "started": version.started.time,
        "slices": [asdict(ref) for ref in version.slices],
        "rows": version.rows,
        "attempts": progress.attempts,
        "checkpoints": [{"step": commit.step, "manifest": commit.manifest} for commit in progress.commits],
        "shadow": _shadow(waits) if waits and waits.version == version else None,
        "steps": trained.step if trained else None,
        "stopped_by": trained.stopped_by if trained else None,
        "artifacts": dict(trained.artifacts) if trained else {},
        "champion": evaluated.champion if evaluated else None,
        "judged_in_shadow_on": [asdict(ref) for ref in evaluated.slices] if evaluated else [],
        "passed": evaluated.passed if evaluated else None,
        "metrics": evaluated.metrics if evaluated else {},
        "verdicts": list(evaluated.verdicts) if evaluated else [],
        "decision": _decision(decided),
        "policy": _policy(version),
        "scores": _scores(version),
        **_made_of_it(store, state, number),
    }


def slices_view(state: LineageState, *, late_within: int) -> list[View]:
    """Every known slice, in key order, with what a run of it would do.

    Only the pipeline knows what code and settings a run would train with. So a slice whose like was tried
    before stays what the planner makes of it, and `why` and `repeats` say that a run may find it done.
    """
    views = []
    changed = state.changed_slices
    for key, entry in sorted(state.slices.items()):
        planned = plan(state, key, late_within=late_within)
        tried = repeated(state, planned)
        why = f"{planned.why}; {tried.message}" if tried else planned.why
        if key in changed:
            why = f"{why}; CHANGED AT ITS SOURCE, noticed {changed[key][:10]}: a run pulls it again"
        views.append(
            {
                **asdict(entry.ref),
                "status": entry.status.value,
                "reason": entry.reason,
                "consumed_by": state.consumed_by(key),
                "action": planned.action.value,
                "why": why,
                "changed_at_source": changed.get(key),
                "repeats": tried.version.version if tried else None,
            }
        )
    return views


def gaps(state: LineageState) -> list[str]:
    """Keys between those of the known slices that should have come by their spacing, and have not."""
    from ckpt_ops.intake.at_source import expected_keys  # no other view needs a source

    return [key for key in expected_keys(state.slices) if key not in state.slices]


def _read(store: Store, model: str) -> tuple[ModelLog, LineageState]:
    if _may_be(model):
        log = ModelLog(store, model)
        state = log.state()
        if state.sequence:
            return log, state
    raise _unknown(store, model)


def _may_be(model: str) -> bool:
    return bool(model) and "/" not in model


def _unknown(store: Store, model: str) -> BadInput:
    found = ", ".join(model_names(store))
    return BadInput("model", model, f"one of {found}" if found else f"a model; {store.url} holds none yet")


def _record(sequence: int, record: Record) -> View:
    payload: View = json.loads(encode(record))
    return {"sequence": sequence, **payload}


def _made_of_it(store: Store, state: LineageState, number: int) -> View:
    """Conversions, refused ones too, and predictions, as far as they are still there."""
    prefix = f"models/{state.model}/v{number}"
    there = {entry.name for kind in ("converted", "predictions") for entry in store.list(f"{prefix}/{kind}/")}
    return {
        "conversions": [
            {
                "format": one.format,
                "object": one.object,
                "rows": one.rows,
                "max_abs_difference": one.max_abs_difference,
                "error": one.error,
            }
            for one in state.converted.values()
            if one.version == number and (one.error or one.object in there)
        ],
        "predictions": [
            {**asdict(one.slice), "rows": one.rows, "object": one.object}
            for one in state.predicted.values()
            if one.version == number and one.object in there
        ],
    }


def _metrics(version: VersionState | None) -> dict[str, float]:
    if version is None or version.evaluated is None:
        return {}
    return dict(version.evaluated.metrics.get("candidate", {}))


def _policy(version: VersionState) -> View | None:
    """The update policy's decision before the version was trained, or instead."""
    if isinstance(version.decided, UpdateDeferred):
        return {"words": version.decided.reason, "numbers": version.decided.numbers}
    return version.trained.decision or None if version.trained else None


def _scores(version: VersionState) -> View:
    """By slice key, the champion's metrics before anything trained on it."""
    record = version.decided if isinstance(version.decided, UpdateDeferred) else version.trained
    return dict(record.scores) if record else {}


def _shadow(found: InShadow | None) -> View | None:
    """How far the candidate in shadow has come."""
    if found is None:
        return None
    return {
        "version": found.version.version,
        "slices": found.needed,
        "scored": [asdict(ref) for ref in found.counted],
        "words": found.message,
    }


def _decision(record: Record | None) -> View | None:
    if record is None:
        return None
    return {
        "type": type_name(record),
        "reason": record.reason,
        "actor": record.actor,
        "time": record.time,
    }
