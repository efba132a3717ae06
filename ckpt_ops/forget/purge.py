"""The end of forgetting: what still has the rows, and the versions that consumed them, are removed for good.

Due when the head has been without them for the grace period. Nothing is removed while it knows them. In this
order, so that the next purge continues one that was killed anywhere:

1. Versions that are not settled yet can no longer be promoted, and their trainings are fenced off. The log
   records that the checkpoints go, in one record that a move of the head would make void: from then on
   nothing rolls back to them or forks from them.
2. The list of what goes is written (`purge_plan`), then it is removed.
3. The certificate, then `Purged` in the log with its hash.
"""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime

from ckpt_ops.candidates.kept_columns import drop_columns
from ckpt_ops.forget.certificate import Certificate, write_certificate
from ckpt_ops.forget.forget import consumers_of, revise
from ckpt_ops.forget.purge_plan import PurgePlan, apply, find_plan, plan_name, plan_purge
from ckpt_ops.forget.purge_timing import PurgeTiming, purge_timing_of
from ckpt_ops.forget.request import Asked, find, record_request
from ckpt_ops.intake.holders import holders
from ckpt_ops.lineage import CandidateLog, LineageState, ModelLog
from ckpt_ops.lineage.records import (
    CheckpointsDropped,
    Purged,
    Record,
    SliceRef,
    SliceTainted,
    SliceWithdrawn,
)
from ckpt_ops.lineage.state import SliceStatus
from ckpt_ops.pipeline.intake import Intake
from ckpt_ops.promotion import publish
from ckpt_ops.serving.objects import predictions_on
from ckpt_ops.slices.removal import objects_of, remove
from ckpt_ops.slices.row_search import Progress, silent
from ckpt_ops.store import Store


def purge_timings(store: Store, model: str) -> tuple[PurgeTiming, ...]:
    """How far each request of the model has come, in order."""
    log = ModelLog(store, model)
    state = log.state()
    if not state.forgotten:
        return ()
    records = log.records()
    return tuple(purge_timing_of(records, state, request) for request in state.forgotten)


def purge(
    intake: Intake, store: Store, request: str, *, now: datetime, progress: Progress = silent
) -> Certificate | None:
    """Remove what `request`, which is in the log, covers; None when that is not due yet.

    Repeated, it goes on, or reads the certificate.

    Raises:
        Corrupt: a manifest or a data file cannot be read, so that it is unknown what it has.
    """
    log = ModelLog(store, intake.name)
    timing = purge_timing_of(log.records(), log.state(), request)
    if timing.purged is not None:
        return Certificate.read(store, timing.purged.certificate)
    if timing.due_at is None or now < timing.due_at:
        return None
    plan = find_plan(store, intake.name, request)
    if plan is None:
        plan = _begin(intake, store, log, timing, progress)
        if plan is None:
            return None
    apply(store, plan, progress)
    state = log.state()
    certificate = write_certificate(store, state, timing, plan, now=now)
    record = Purged(
        request=request,
        versions=plan.versions,
        certificate=certificate.name,
        digest=certificate.digest,
        reason=f"forgotten: {timing.asked.reason}",
    )
    log.decide(lambda state: None if request in state.purged else record)
    return certificate


def sweep(intake: Intake, store: Store, progress: Progress = silent) -> int:
    """Remove copies with purged rows that have come in since the purge; returns the number of objects.

    A pull brings such a copy, and its validation removes it; this removes one that was never validated.
    What any model needs stays.
    """
    state = ModelLog(store, intake.name).state()
    removed = 0
    for request in state.purged:
        found = find(intake, store, Asked.of(intake.name, state.forgotten[request]), progress)
        names = [one.name for one in found.holding]
        kept = {(one.key, one.revision) for one in holders(store, names, own=state)}
        going = [name for name in names if name not in kept]
        removal = objects_of(store, intake.source.name, going, found.loose)
        remove(store, removal)
        drop_columns(intake.source.name, going)
        removed += len(removal.entries)
        for entry in list(predictions_on(store, state.forgotten[request].revisions, model=state.model)):
            store.delete(entry.name)  # left by a prediction during the purge that was killed
            removed += 1
    return removed


def _begin(
    intake: Intake, store: Store, log: ModelLog, timing: PurgeTiming, progress: Progress
) -> PurgePlan | None:
    """Stop all use of the versions and write the list of what goes; None: the head moved."""
    asked = Asked.of(intake.name, timing.said)
    state, found = record_request(intake, store, asked, why="", grace_hours=None, progress=progress)
    revise(store, intake, asked, found, timing.said.reason)  # the process that was to do it may have stopped
    state = log.state()
    revisions = state.forgotten[asked.request].revisions
    _bar(store, log, state, set(revisions), asked)

    def choose(state: LineageState) -> Record | None:
        consumed = consumers_of(state, revisions)
        going = tuple(number for number in consumed if number not in state.dropped)
        if state.head in consumed or not going:
            return None
        return CheckpointsDropped(versions=going, reason=f"forgotten ({asked.request})")

    state = log.decide(choose)
    timing = purge_timing_of(log.records(), state, asked.request)
    if timing.clean_since is None:
        return None
    publish(store, intake.name, state)  # the process that promoted the head may have stopped before that
    plan = plan_purge(store, intake.source.name, state, timing, found)
    store.put_if_absent(plan_name(intake.name, asked.request), plan.to_json())
    return find_plan(store, intake.name, asked.request)


def _bar(
    store: Store, log: ModelLog, state: LineageState, revisions: Collection[tuple[str, str]], asked: Asked
) -> None:
    """What is not settled is never promoted: its slices are tainted. Trainings are fenced off."""
    unsettled = [number for number in consumers_of(state, revisions) if state.versions[number].open]
    for number in unsettled:
        for version in state.ancestry(number):
            for ref in version.slices:
                if (ref.key, ref.revision) in revisions:
                    _taint(log, ref, revisions, asked)
        candidate = CandidateLog(store, log.model, number)
        progress = candidate.progress()
        if progress.attempts and progress.result is None:
            candidate.start_attempt(reason=f"forgotten ({asked.request})")


def _taint(log: ModelLog, ref: SliceRef, revisions: Collection[tuple[str, str]], asked: Asked) -> None:
    why = f"forgotten ({asked.request})"

    def taint(state: LineageState) -> Record | None:
        if ref.id in state.tainted or state.head in consumers_of(state, revisions):
            return None
        return SliceTainted(slice=ref, reason=why)

    def withdraw(state: LineageState) -> Record | None:
        """A whole slice stays withdrawn: lifting the taint would bring it back."""
        entry = state.slices.get(ref.key)
        tainted = entry is not None and entry.ref == ref and entry.status is SliceStatus.TAINTED
        return SliceWithdrawn(slice=ref, reason=why) if tainted else None

    log.decide(taint)
    log.decide(withdraw)
