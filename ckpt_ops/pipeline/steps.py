"""The steps of a run: pull, validate (`intake_steps`), decide, train, evaluate, promote.

Each takes all its state from the store and may be repeated: what is done already is found and left
as it is. Airflow's tasks and `ckpt-ops run` call the same functions.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

from ckpt_ops.errors import HeldByPerson, TrainingDied
from ckpt_ops.lineage import (
    Action,
    LineageState,
    ModelLog,
    Plan,
    VersionStatus,
    repeated,
)
from ckpt_ops.lineage.records import (
    Held,
    Record,
    UpdateDeferred,
)
from ckpt_ops.lineage.shadow import in_shadow
from ckpt_ops.lineage.state import VersionState
from ckpt_ops.lineage.suspects import commands
from ckpt_ops.pipeline import messages
from ckpt_ops.pipeline.candidate import in_the_way, plan_slice, proposed
from ckpt_ops.pipeline.candidate_training import run_training_process
from ckpt_ops.pipeline.deciding import policy_answer
from ckpt_ops.pipeline.description import Pipeline
from ckpt_ops.pipeline.evaluating import evaluate
from ckpt_ops.pipeline.intake import Intake
from ckpt_ops.pipeline.intake_steps import pull, validate
from ckpt_ops.pipeline.recording import record_result
from ckpt_ops.pipeline.retention import let_go
from ckpt_ops.pipeline.shadow import scoring
from ckpt_ops.pipeline.source_sweep import pull_command, sweep
from ckpt_ops.pipeline.waiting import approve_command, due_by, overdue, say_expired, waiting_words
from ckpt_ops.serving import settle
from ckpt_ops.serving.approval import waits
from ckpt_ops.serving.decisions import fork_needed
from ckpt_ops.store import Store

Report = Callable[[str], None]


def decide(pipeline: Pipeline, store: Store, key: str) -> dict[str, Any]:
    """Say what happens with the slice, as far as that needs no model.

    First it is looked at whether slices that were consumed have changed at their source (`source_sweep`).

    Raises:
        ForkNeeded: the slice was consumed and then corrected or withdrawn.
        HeldByPerson: the model is held, or has to be.

    Returns:
        `train`, `action`, `why`; `promoted`, where a version that had waited for an answer too long was;
        `changed_at_source`, the keys of consumed slices that have changed, where there are any.
    """
    log = ModelLog(store, pipeline.name)
    swept = sweep(pipeline, store, log)
    noticed = {"changed_at_source": list(swept.changed)} if swept.changed else {}
    return {**_settle_and_decide(pipeline, store, log, key), **noticed}


def _settle_and_decide(pipeline: Pipeline, store: Store, log: ModelLog, key: str) -> dict[str, Any]:
    state = log.state()
    unanswered = overdue(pipeline, state)
    if unanswered is None:
        return _decide(pipeline, store, log, state, key)
    say_expired(pipeline, store, unanswered.version)
    settled = promote(pipeline, store, unanswered.version)
    promoted = settled["version"] if settled["decision"] == "promoted" else None
    return {**_decide(pipeline, store, log, log.state(), key), "promoted": promoted}


def _decide(pipeline: Pipeline, store: Store, log: ModelLog, state: LineageState, key: str) -> dict[str, Any]:
    planned = plan_slice(pipeline, state, key)
    if planned.action is Action.FORK:
        raise fork_needed(pipeline.name, key, planned.why)
    if planned.action is Action.HOLD:
        raise _held(pipeline, log, state, planned)
    if planned.action is Action.SKIP:
        entry = state.slices.get(key)
        suspect = entry is not None and entry.ref.id in state.suspects
        why = f"{planned.why}. {commands(pipeline.name, key)}" if suspect else planned.why
        return _decision(planned, train=False, why=why)
    if planned.action is Action.SHADOW:
        return _decision(planned, train=scoring.has_work(state, key), why=planned.why)
    state = scoring.let_go_of_superseded(store, log, state)
    wanted = proposed(pipeline, state, key)
    tried = repeated(state, planned, candidate=wanted.candidate) if wanted else None
    if tried is not None:
        return _decision(planned, train=False, why=f"nothing to do: {tried.words}")
    waiting = in_the_way(pipeline, state, planned.slices)
    if waiting is not None:
        return _after_an_answer(log, state, planned, waiting)
    found = state.versions.get(wanted.version) if wanted else None
    if found is not None and found.trained is not None:  # the policy was asked before that, not again
        return _decision(planned, train=True, why=f"version {found.version} is trained and not settled yet")
    decision = policy_answer(pipeline, store, state, planned.slices)
    if decision.due is False:
        record = UpdateDeferred(
            slice=state.slices[key].ref, numbers=dict(decision.numbers), reason=decision.words
        )
        log.decide(partial(_unless_said, record=record))
        return _decision(planned, train=False, why=decision.words)
    return _decision(planned, train=True, why=f"{planned.why}; {decision.words}")


def train(pipeline: Pipeline, store: Store, key: str, report: Report = print) -> dict[str, Any]:
    """Train a candidate on what is pending up to the slice, in a process of its own.

    The same inputs give the same candidate: a retry resumes it at its last committed checkpoint. The
    process opens the candidate in the log only after the user's functions gave a model and examples.

    While a candidate is in shadow nothing is trained: it and its champion predict the slice instead. The
    outcome is "shadow" until it can be judged, then "trained" with its version.

    Raises:
        ModelCodeError: they did not. The log does not hear of it.
        TrainingDied: the process ended without a result. Retry: what it committed is kept.
    """
    log = ModelLog(store, pipeline.name)
    shadow = scoring.score(pipeline, store, log, key, report)
    if shadow is not None:
        if not shadow.complete:
            return scoring.waiting(shadow, key)
        return _trained(shadow.version, key, shadow.words)
    state = log.state()
    planned = plan_slice(pipeline, state, key)
    wanted = proposed(pipeline, state, key)
    tried = repeated(state, planned, candidate=wanted.candidate) if wanted else None
    if wanted is None or tried is not None:
        waiting = in_the_way(pipeline, state, planned.slices)
        also = tried.words if tried else waiting_words(waiting) if waiting else ""
        why = f"{planned.why}; {also}" if also else planned.why
        return {"key": key, "version": None, "outcome": "skip", "why": why}
    version = state.versions.get(wanted.version) or VersionState.opened(wanted)
    number = version.version
    if version.status is VersionStatus.STARTED:
        number = run_training_process(pipeline, store, number, key, report)
        record_result(log, store, number)
    state = log.state()
    version = state.versions[number]
    if version.status is VersionStatus.DEFERRED:
        why = version.decided.reason if version.decided else ""
        return {"key": key, "version": number, "outcome": "deferred", "why": why}
    shadow = in_shadow(state)
    if shadow is not None and shadow.version == version:
        return scoring.waiting(shadow, key)
    return _trained(version, key, planned.why)


def promote(pipeline: Pipeline, store: Store, version: int) -> dict[str, Any]:
    """Promote the version if every gate passed, else reject it.

    It may stay as it is: "waiting" for a person's approval, or in "shadow", to be judged anew.
    """
    needs_approval = pipeline.approval is not None
    state = settle(store, pipeline.name, version, needs_approval=needs_approval)
    settled = state.version(version)
    if pipeline.approval is not None and waits(state, settled):
        until = f"{due_by(pipeline.approval, settled):%Y-%m-%d %H:%M} UTC"
        why = f"the gates let it pass; it waits until {until} for: {approve_command(pipeline.name, version)}"
        return {"version": version, "decision": "waiting", "why": why}
    let_go(pipeline, store)
    decision = settled.status.value
    if getattr(settled.decided, "superseded", False):
        decision = "superseded"
    why = settled.decided.reason if settled.decided else ""
    if settled.open:
        decision, why = "shadow", "too few slices are scored in shadow as they stand now: the next runs go on"
    return {"version": version, "decision": decision, "why": why}


def run_slice(pipeline: Intake, store: Store, key: str, report: Report = print) -> dict[str, Any]:
    """All steps for one slice, one after the other; an intake has but two.

    Args:
        report: gets a line on each step but the last: what the run came to is `decision` and `why`.
    """

    def said(step: str, lines: list[str]) -> None:
        report(f"{step}: " + "\n  ".join(lines))

    pulled = pull(pipeline, store, key)
    said("pulled", messages.pulled(pulled))
    validated = validate(pipeline, store, key, pulled["revision"])
    if not isinstance(pipeline, Pipeline):
        why = "\n  ".join([validated["summary"], *_details(validated)])
        return {**validated, "decision": validated["outcome"], "why": why}
    verdict = messages.validated(validated)
    # of what is not accepted, the decision has the reasons
    said("validated", verdict if validated["trainable"] else verdict[:1])
    decided = decide(pipeline, store, key)
    for changed in decided.get("changed_at_source", ()):
        report(f"slice {changed} has changed at its source: {pull_command(pipeline.name, changed)}")
    if not decided["train"]:
        return {**validated, **decided, "decision": decided["action"]}
    said("decided", messages.decided(decided))
    trained = train(pipeline, store, key, report)
    if trained["outcome"] != "trained":
        return {**validated, **trained, "decision": trained["outcome"]}
    said("trained", messages.trained(trained))
    evaluated = evaluate(pipeline, store, trained["version"])
    said("evaluated", messages.evaluated(evaluated))
    promoted = promote(pipeline, store, trained["version"])
    return {**validated, **trained, **promoted}


def _details(validated: dict[str, Any]) -> list[str]:
    """The reasons, unless the summary is made of them."""
    reasons: list[str] = validated["reasons"]
    return [] if validated["summary"] == "; ".join(reasons) else reasons


def _trained(version: VersionState, key: str, why: str) -> dict[str, Any]:
    trained = version.trained
    if trained is None:
        raise TrainingDied(f"version {version.version} is {version.status.value}, not trained")
    return {
        "key": key,
        "version": version.version,
        "outcome": "trained",
        "why": why,
        "step": trained.step,
        "stopped_by": trained.stopped_by,
        "checkpoints": trained.checkpoints,
    }


def _decision(planned: Plan, *, train: bool, why: str) -> dict[str, Any]:
    return {"key": planned.key, "action": planned.action.value, "why": why, "train": train}


def _after_an_answer(
    log: ModelLog, state: LineageState, planned: Plan, waiting: VersionState
) -> dict[str, Any]:
    """One question at a time: a second candidate beside the one that waits could not be promoted, too."""
    words, numbers = waiting_words(waiting), {"waits_for": float(waiting.version)}
    record = UpdateDeferred(slice=state.slices[planned.key].ref, numbers=numbers, reason=words)
    log.decide(partial(_unless_said, record=record))
    return _decision(planned, train=False, why=words)


def _unless_said(state: LineageState, record: UpdateDeferred) -> Record | None:
    """Once per reason: a run that is repeated says nothing new, unless something else holds the slice now."""
    said = state.deferred.get(record.slice.key)
    same = said is not None and said.slice == record.slice and said.numbers.keys() == record.numbers.keys()
    return None if same else record


def _held(pipeline: Pipeline, log: ModelLog, state: LineageState, planned: Plan) -> HeldByPerson:
    stuck = [
        ref.key for ref in state.pending() if state.rejections.get(ref.id, 0) and ref.id not in state.suspects
    ]
    if planned.aside:
        advice = f"for each of them: {commands(pipeline.name, planned.aside[0].key)}"
    elif state.held is None and stuck:
        log.decide(lambda now: Held(reason=planned.why) if now.held is None else None)
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
    return HeldByPerson(
        f"{pipeline.name} holds slice {planned.key}: {planned.why}",
        safe="nothing was trained; the champion serves on",
        next=advice,
    )


__all__ = ["decide", "evaluate", "promote", "pull", "run_slice", "train", "validate"]
