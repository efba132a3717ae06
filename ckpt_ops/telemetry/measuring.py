"""What a model's log says in numbers."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import Enum

from ckpt_ops.errors import CkptOpsError
from ckpt_ops.lineage import CandidateLog, LineageState
from ckpt_ops.lineage.records import CandidateTrained
from ckpt_ops.lineage.state import VersionStatus
from ckpt_ops.slices import load_manifest
from ckpt_ops.store import Store
from ckpt_ops.telemetry.table import Sample
from ckpt_ops.views import StoreViews
from ckpt_ops.views.fleet import Summary
from ckpt_ops.views.shapes import Wants


@dataclass(frozen=True, kw_only=True)
class Beside:
    """What is not in the log of the model itself.

    Attributes:
        pulled: when the newest slice in production was pulled; None: nobody knows.
        attempts: of the last training that ended; None: there was none.
    """

    pulled: datetime | None = None
    attempts: int | None = None


def measured(views: StoreViews, model: str, *, now: datetime | None = None) -> tuple[Sample, ...]:
    """A model's metrics as of now. A log that cannot be read is `readable` 0, and no error."""
    now = now or datetime.now(UTC)
    summary = views.summary(model, now=now)
    if summary.problem:
        return (Sample(metric="readable", value=0.0),)
    state, source = views.state(model), views.description(model).source
    beside = Beside(pulled=_pulled(views.store, state, source), attempts=_attempts(views.store, state))
    return of_model(summary, state, beside, now)


def of_model(summary: Summary, state: LineageState, beside: Beside, now: datetime) -> tuple[Sample, ...]:
    """The samples of a model; what nobody knows is left out."""
    found = [
        Sample(metric="readable", value=1.0),
        *_of_production(summary, beside, now),
        *_counted(summary, state),
        *_of_training(summary, state, beside),
    ]
    return tuple(one for one in found if math.isfinite(one.value))


def last_training(state: LineageState) -> CandidateTrained | None:
    """The newest that ended; None: there is none."""
    ended = (one for one in map(state.versions.__getitem__, reversed(state.versions)) if one.trained_at)
    return next((one.trained for one in ended), None)


def _of_production(summary: Summary, beside: Beside, now: datetime) -> Iterator[Sample]:
    if summary.freshness_hours is not None:
        yield Sample(metric="freshness_objective_seconds", value=summary.freshness_hours * 3600)
    if summary.consumed_time:
        consumed = datetime.fromisoformat(summary.consumed_time)
        yield Sample(metric="freshness_seconds", value=_seconds(consumed, now))
        if beside.pulled is not None and beside.pulled <= consumed:
            yield Sample(metric="update_latency_seconds", value=_seconds(beside.pulled, consumed))
    if summary.head is not None:
        yield Sample(metric="production_version", value=summary.head)
        since = datetime.fromisoformat(summary.head_since)
        yield Sample(metric="production_age_seconds", value=_seconds(since, now))
    for name, value in summary.metrics:
        yield Sample(metric="production_score", value=value, labels={"metric": name})
    if summary.metric is not None and summary.metric.points:
        newest = summary.metric.points[-1].value
        if newest is not None:
            yield Sample(metric="new_slice_score", value=newest, labels={"metric": summary.metric.metric})


def _counted(summary: Summary, state: LineageState) -> Iterator[Sample]:
    for name, count in summary.counts:
        yield Sample(metric="slices", value=count, labels={"status": name})
    statuses = Counter(one.status for one in state.versions.values())
    for status in VersionStatus:
        yield Sample(metric="versions", value=statuses[status], labels={"status": _word(status)})
    wanted = Counter(one.what for one in summary.attention)
    for what in Wants:
        yield Sample(metric="attention", value=wanted[what], labels={"what": _word(what)})
    yield Sample(metric="log_records", value=summary.records)
    if summary.nbytes is not None:
        yield Sample(metric="store_bytes", value=summary.nbytes)


def _of_training(summary: Summary, state: LineageState, beside: Beside) -> Iterator[Sample]:
    trained = last_training(state)
    if trained is not None and trained.seconds > 0:
        yield Sample(metric="training_seconds", value=trained.seconds)
        yield Sample(metric="training_steps_per_second", value=trained.step / trained.seconds)
    if trained is not None and trained.uploaded is not None:
        yield Sample(metric="training_uploaded_bytes", value=trained.uploaded)
    if beside.attempts is not None:
        yield Sample(metric="training_attempts", value=beside.attempts)
    running = summary.training
    if running is not None and not running.lost:
        yield Sample(metric="running_step", value=running.step)
        yield Sample(metric="running_stall_seconds", value=running.stall_seconds)
        if running.steps_per_second is not None:
            yield Sample(metric="running_steps_per_second", value=running.steps_per_second)


def _pulled(store: Store, state: LineageState, source: str) -> datetime | None:
    key = state.newest_consumed
    if key is None or not source:
        return None
    consumed, entry = state.consumed[key], state.slices.get(key)
    revision = entry.pulled if entry is not None and entry.ref == consumed else consumed.revision
    try:
        return datetime.fromisoformat(load_manifest(store, source, key, revision).pulled_at)
    except (CkptOpsError, ValueError):  # it was purged, or is damaged: `ckpt-ops verify` says so
        return None


def _attempts(store: Store, state: LineageState) -> int | None:
    trained = last_training(state)
    if trained is None:
        return None
    try:
        return CandidateLog(store, state.model, trained.version).progress().attempts
    except CkptOpsError:
        return None


def _word(one: Enum) -> str:
    """As a label: systems of monitoring do without spaces."""
    return str(one.value).replace(" ", "_")


def _seconds(since: datetime, until: datetime) -> float:
    return max(0.0, (until - since).total_seconds())
