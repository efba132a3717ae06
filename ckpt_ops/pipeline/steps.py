"""The steps of a run: pull, validate (`intake_steps`), decide, train, evaluate, promote.

Each takes all its state from the store and may be repeated: what is done already is found and left
as it is. Airflow's tasks and `ckpt-ops run` call the same functions.
"""

from __future__ import annotations

import io
from collections.abc import Callable
from typing import Any

import pyarrow.parquet as pq

from ckpt_ops.errors import HeldByPerson, TrainingDied
from ckpt_ops.evaluation import Judged, judge_all
from ckpt_ops.lineage import (
    Action,
    LineageState,
    ModelLog,
    Plan,
    VersionStatus,
    repeated,
)
from ckpt_ops.lineage.records import (
    Evaluated,
    Held,
    Record,
    UpdateDeferred,
)
from ckpt_ops.lineage.state import VersionState
from ckpt_ops.pipeline.candidate import candidate_of, plan_slice, proposed
from ckpt_ops.pipeline.description import Pipeline
from ckpt_ops.pipeline.facts import facts
from ckpt_ops.pipeline.intake import Intake
from ckpt_ops.pipeline.intake_steps import pull, validate
from ckpt_ops.pipeline.launch import run_training_process
from ckpt_ops.pipeline.recording import record_result
from ckpt_ops.pipeline.retention import let_go
from ckpt_ops.policies import decide as ask
from ckpt_ops.serving import settle
from ckpt_ops.serving.decisions import fork_needed
from ckpt_ops.store import Store

Report = Callable[[str], None]


def decide(pipeline: Pipeline, store: Store, key: str) -> dict[str, Any]:
    """Say what happens with the slice, as far as that needs no model.

    Raises:
        ForkNeeded: the slice was consumed and then corrected or withdrawn.
        HeldByPerson: the model is held, or has to be.
    """
    log = ModelLog(store, pipeline.name)
    state = log.state()
    planned = plan_slice(pipeline, state, key)
    if planned.action is Action.FORK:
        raise fork_needed(pipeline.name, key, planned.why)
    if planned.action is Action.HOLD:
        raise _held(pipeline, log, state, planned)
    if planned.action is Action.SKIP:
        return _decision(planned, train=False, why=planned.why)
    tried = repeated(state, planned, candidate=candidate_of(pipeline, state, state.head, planned.slices))
    if tried is not None:
        return _decision(planned, train=False, why=f"nothing to do: {tried.words}")
    decision = ask(pipeline.update_when, facts(state, planned.slices))
    if decision.due is False:
        record = UpdateDeferred(
            slice=state.slices[key].ref, numbers=dict(decision.numbers), reason=decision.words
        )
        log.decide(lambda state: None if key in state.deferred else record)
        return _decision(planned, train=False, why=decision.words)
    return _decision(planned, train=True, why=f"{planned.why}; {decision.words}")


def train(pipeline: Pipeline, store: Store, key: str, report: Report = print) -> dict[str, Any]:
    """Train a candidate on what is pending up to the slice, in a process of its own.

    The same inputs give the same candidate: a retry resumes it at its last committed checkpoint. The
    process opens the candidate in the log only after the user's functions gave a model and examples.

    Raises:
        ModelCodeError: they did not. The log does not hear of it.
        TrainingDied: the process ended without a result. Retry: what it committed is kept.
    """
    log = ModelLog(store, pipeline.name)
    state = log.state()
    planned = plan_slice(pipeline, state, key)
    wanted = proposed(pipeline, state, key)
    tried = repeated(state, planned, candidate=wanted.candidate) if wanted else None
    if wanted is None or tried is not None:
        why = f"{planned.why}; {tried.words}" if tried else planned.why
        return {"key": key, "version": None, "outcome": "skip", "why": why}
    version = state.versions.get(wanted.version) or VersionState.opened(wanted)
    number = version.version
    if version.status is VersionStatus.STARTED:
        number = run_training_process(pipeline, store, number, key, report)
        record_result(log, store, number)
    version = log.state().versions[number]
    if version.status is VersionStatus.DEFERRED:
        why = version.decided.reason if version.decided else ""
        return {"key": key, "version": number, "outcome": "deferred", "why": why}
    trained = version.trained
    if trained is None:
        raise TrainingDied(f"version {number} of {pipeline.name} is {version.status.value}, not trained")
    return {
        "key": key,
        "version": number,
        "outcome": "trained",
        "why": planned.why,
        "step": trained.step,
        "stopped_by": trained.stopped_by,
        "checkpoints": trained.checkpoints,
    }


def evaluate(pipeline: Pipeline, store: Store, version: int) -> dict[str, Any]:
    """Judge candidate and champion on the same held-out rows. Needs no TensorFlow."""
    log = ModelLog(store, pipeline.name)
    trained = log.state().version(version).trained
    if trained is None:
        raise TrainingDied(f"version {version} of {pipeline.name} has no predictions to judge")
    table = pq.read_table(io.BytesIO(store.get(trained.artifacts["predictions"])))
    evaluation = judge_all(pipeline.gates, Judged.from_table(table), seed=pipeline.seed)

    def choose(state: LineageState) -> Record | None:
        candidate = state.version(version)
        if candidate.evaluated is not None:
            return None
        metrics = {"candidate": dict(evaluation.candidate)}
        if evaluation.champion is not None:
            metrics["champion"] = dict(evaluation.champion)
        return Evaluated(
            version=version,
            champion=candidate.champion,
            passed=evaluation.passed,
            metrics=metrics,
            verdicts=tuple(f"{verdict.gate}: {verdict.words}" for verdict in evaluation.verdicts),
            reason=evaluation.words,
        )

    log.decide(choose)
    return {"version": version, **evaluation.to_json()}


def promote(pipeline: Pipeline, store: Store, version: int) -> dict[str, Any]:
    """Promote the version if every gate passed, else reject it."""
    settled = settle(store, pipeline.name, version).version(version)
    let_go(pipeline, store)
    decision = settled.status.value
    if getattr(settled.decided, "superseded", False):
        decision = "superseded"
    why = settled.decided.reason if settled.decided else ""
    return {"version": version, "decision": decision, "why": why}


def run_slice(pipeline: Intake, store: Store, key: str, report: Report = print) -> dict[str, Any]:
    """All steps for one slice, one after the other; an intake has but two."""
    pulled = pull(pipeline, store, key)
    report(f"pulled slice {key}: {pulled['rows']:,} rows, revision {pulled['revision']}")
    validated = validate(pipeline, store, key, pulled["revision"])
    report(f"validated: {validated['outcome']}" + "".join(f"\n  {why}" for why in validated["reasons"]))
    if not isinstance(pipeline, Pipeline):
        return {**validated, "decision": validated["outcome"], "why": "; ".join(validated["reasons"])}
    decided = decide(pipeline, store, key)
    report(f"decided: {decided['action']}: {decided['why']}")
    if not decided["train"]:
        return {**validated, **decided, "decision": decided["action"]}
    trained = train(pipeline, store, key, report)
    if trained["outcome"] != "trained":
        return {**validated, **trained, "decision": trained["outcome"]}
    evaluated = evaluate(pipeline, store, trained["version"])
    report(f"evaluated: {evaluated['words']}")
    promoted = promote(pipeline, store, trained["version"])
    report(f"version {trained['version']}: {promoted['decision']}")
    return {**validated, **trained, **promoted}


def _decision(planned: Plan, *, train: bool, why: str) -> dict[str, Any]:
    return {"key": planned.key, "action": planned.action.value, "why": why, "train": train}


def _held(pipeline: Pipeline, log: ModelLog, state: LineageState, planned: Plan) -> HeldByPerson:
    stuck = [ref.key for ref in state.pending() if state.rejections.get(ref.id, 0)]
    if state.held is None and stuck:
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
