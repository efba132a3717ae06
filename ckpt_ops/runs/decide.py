"""The task `decide`: whether a run trains on what is pending up to its slice, as far as that needs no model.

In this order: it records which slices changed at their source (`source_sweep`); it settles a version that
nobody answered for in time (`promote`); then the proposal (`proposal`, by the table of `lineage.planner`)
and, if that trains something, the update policy (`candidates.policy`) decide whether the run goes on.

The log is read once, and again only after this task itself has appended to it: a change at the source, a
version settled for lack of an answer or rejected as superseded, a deferral, a hold.
"""

from __future__ import annotations

from dataclasses import replace
from functools import partial

from ckpt_ops.candidates.policy import policy_answer
from ckpt_ops.candidates.proposal import blocked_words, propose
from ckpt_ops.errors import CkptOpsError, ModelOnHold
from ckpt_ops.intake.source_sweep import sweep
from ckpt_ops.lineage import Action, LineageState, ModelLog, Plan, VersionState
from ckpt_ops.lineage.records import Held, Record, UpdateDeferred
from ckpt_ops.lineage.shadow import in_shadow
from ckpt_ops.lineage.suspects import commands
from ckpt_ops.pipeline.code.digests import digests_of
from ckpt_ops.pipeline.pipeline import Pipeline
from ckpt_ops.pipeline.step_results import Decided
from ckpt_ops.promotion.decisions import fork_needed
from ckpt_ops.runs import messages
from ckpt_ops.runs.promote import reject_superseded, settle_overdue
from ckpt_ops.store import Store
from ckpt_ops.views.describing import note


def decide(pipeline: Pipeline, store: Store, key: str) -> Decided:
    """Decide what happens with the slice.

    Raises:
        ForkNeeded: the slice was consumed and then corrected or withdrawn.
        ModelOnHold: the model is on hold, or has to be.
        What is raised has a note (`__notes__`) on each slice that has changed at its source.
    """
    log = ModelLog(store, pipeline.name)
    read = log.state()
    note(store, pipeline, read)
    swept = sweep(pipeline, store, log, read)
    state, promoted = swept.state, None
    settled = settle_overdue(pipeline, store, state)
    if settled is not None:
        state = log.state()  # the record that settled it is newer than the state that was read
        promoted = settled.version if settled.promoted else None
    try:
        decided = _decide(pipeline, store, log, state, key)
    except CkptOpsError as error:
        for line in messages.changed(pipeline.name, swept.changed):
            error.add_note(line)
        raise
    return replace(decided, promoted=promoted, changed_at_source=swept.changed)


def _decide(pipeline: Pipeline, store: Store, log: ModelLog, state: LineageState, key: str) -> Decided:
    digests = digests_of(pipeline)
    proposal = propose(pipeline, state, key, digests=digests)
    if proposal.plan.action not in (Action.APPEND, Action.LATE):
        return _trains_nothing(pipeline, log, state, proposal.plan)
    current = reject_superseded(store, log, state)
    if current is not state:
        state, proposal = current, propose(pipeline, current, key, digests=digests)
    planned = proposal.plan
    if proposal.repeated is not None:
        return _decided(planned, train=False, why=f"nothing to do: {proposal.repeated.message}")
    if proposal.blocked_by is not None:
        return _wait_for_answer(log, state, planned, proposal.blocked_by)
    wanted = proposal.candidate
    found = state.versions.get(wanted.version) if wanted else None
    if found is not None and found.trained is not None:  # the policy was asked before that: not again
        return _decided(planned, train=True, why=f"version {found.version} is trained and not settled yet")
    answer = policy_answer(pipeline, store, state, planned.slices)
    if answer.due is False:
        _defer(log, state, planned, dict(answer.numbers), answer.message)
        return _decided(planned, train=False, why=answer.message)
    return _decided(planned, train=True, why=f"{planned.why}; {answer.message}")


def _trains_nothing(pipeline: Pipeline, log: ModelLog, state: LineageState, planned: Plan) -> Decided:
    """What follows from a plan that trains no candidate. Raises `ForkNeeded`, `ModelOnHold`."""
    if planned.action is Action.FORK:
        raise fork_needed(pipeline.name, planned.key, planned.why)
    if planned.action is Action.HOLD:
        raise _on_hold(pipeline, log, state, planned)
    if planned.action is Action.SHADOW:
        shadow = in_shadow(state)
        has_work = shadow is not None and shadow.has_work(planned.key)
        return _decided(planned, train=has_work, why=planned.why)
    entry = state.slices.get(planned.key)
    suspect = entry is not None and entry.ref.id in state.suspects
    advice = f". {commands(pipeline.name, planned.key)}" if suspect else ""
    return _decided(planned, train=False, why=f"{planned.why}{advice}")


def _decided(planned: Plan, *, train: bool, why: str) -> Decided:
    return Decided(key=planned.key, action=planned.action, why=why, train=train)


def _wait_for_answer(log: ModelLog, state: LineageState, planned: Plan, waiting: VersionState) -> Decided:
    """One question at a time: beside the candidate that waits, a second one could not be promoted, too."""
    message = blocked_words(waiting)
    _defer(log, state, planned, {"waits_for": float(waiting.version)}, message)
    return _decided(planned, train=False, why=message)


def _defer(log: ModelLog, state: LineageState, planned: Plan, numbers: dict[str, float], why: str) -> None:
    record = UpdateDeferred(slice=state.slices[planned.key].ref, numbers=numbers, reason=why)
    log.decide(partial(_unless_recorded, record=record), read=state)


def _unless_recorded(state: LineageState, record: UpdateDeferred) -> Record | None:
    """Once per reason: a repeated run adds nothing, unless a different reason defers the slice now."""
    last = state.deferred.get(record.slice.key)
    same = last is not None and last.slice == record.slice and last.numbers.keys() == record.numbers.keys()
    return None if same else record


def _on_hold(pipeline: Pipeline, log: ModelLog, state: LineageState, planned: Plan) -> ModelOnHold:
    stuck = [
        ref.key for ref in state.pending() if state.rejections.get(ref.id, 0) and ref.id not in state.suspects
    ]
    if planned.aside:
        advice = f"for each of them: {commands(pipeline.name, planned.aside[0].key)}"
    elif state.held is None and stuck:
        log.decide(lambda now: Held(reason=planned.why) if now.held is None else None, read=state)
        advice = (
            f"ckpt-ops show {pipeline.name} shows the verdicts; ckpt-ops withdraw {pipeline.name} "
            f"--slice KEY takes a slice back; then ckpt-ops release {pipeline.name}"
        )
    else:
        advice = (
            f"ckpt-ops resolve {pipeline.name} --slice {planned.key} --append (or --fork) --why TEXT; "
            f"ckpt-ops withdraw {pipeline.name} --slice {planned.key} --why TEXT sets it aside for good"
        )
        if state.taint(state.head) is not None:
            advice = f"ckpt-ops plan {pipeline.name}, then ckpt-ops rebase {pipeline.name}"
        if state.held is not None:
            advice = f"ckpt-ops release {pipeline.name} --why TEXT ends the hold"
    return ModelOnHold(
        f"{pipeline.name} stopped at slice {planned.key}: {planned.why}",
        safe="nothing was trained; the champion serves on",
        next=advice,
    )
