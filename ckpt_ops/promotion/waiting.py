"""A version that waits for a person: until when, and what becomes of it if nobody answers."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from ckpt_ops.lineage import LineageState, VersionState, VersionStatus
from ckpt_ops.lineage.awaiting import waits, why_void
from ckpt_ops.lineage.shadow import still_pending
from ckpt_ops.pipeline.approval import Approval, Otherwise
from ckpt_ops.pipeline.pipeline import Pipeline
from ckpt_ops.promotion.approval import answer
from ckpt_ops.store import Store


def due_by(approval: Approval, version: VersionState) -> datetime:
    """The deadline for an answer on an evaluated version, in UTC.

    It counts from the verdict. Whoever asks later, as Airflow's task does, gives the same time from then on.
    """
    evaluated = version.evaluated
    since = datetime.now(UTC) if evaluated is None else datetime.fromisoformat(evaluated.time)
    return since + approval.within


def overdue(pipeline: Pipeline, state: LineageState, *, now: datetime | None = None) -> VersionState | None:
    """A version to settle: nobody answered in time, or the command that did was killed before the promotion.

    Args:
        now: as of when; None: as of now.
    """
    for version in reversed(state.versions.values()):
        if version.status is not VersionStatus.EVALUATED or why_void(state, version.version) is not None:
            continue
        evaluated = version.evaluated
        if evaluated is None or not still_pending(state, evaluated.slices):
            continue
        if version.approved is not None:
            return version
        if pipeline.approval is not None and waits(state, version):
            # time during which a different version was in production does not count
            due = due_by(pipeline.approval, version)
            if state.head_since:
                due = max(due, datetime.fromisoformat(state.head_since) + pipeline.approval.within)
            return version if due < (now or datetime.now(UTC)) else None
    return None


def record_expired(pipeline: Pipeline, store: Store, version: int) -> None:
    """Record that nobody answered in time, unless somebody has; the pipeline says what follows then."""
    approval = pipeline.approval
    if approval is None:
        return
    within, then = _message(approval.within), approval.otherwise.value
    why = f"nobody answered within {within}; the pipeline sets {then} for that case"
    promotes = approval.otherwise is Otherwise.PROMOTE
    answer(store, pipeline.name, version, approved=promotes, why=why, expired=True)


def approve_command(model: str, version: int) -> str:
    """How a person answers without Airflow."""
    no = f"ckpt-ops reject {model} {version} --why TEXT"
    return f"ckpt-ops promote {model} {version} --approve --why TEXT, or {no}"


def _message(time: timedelta) -> str:
    """A length of time as people write it: "24 hours", "90 seconds"."""
    seconds = time.total_seconds()
    for name, length in (("hour", 3600.0), ("minute", 60.0)):
        if seconds >= length and seconds % length == 0:
            return f"{seconds / length:g} {name}{'' if seconds == length else 's'}"
    return "1 second" if seconds == 1 else f"{seconds:g} seconds"
