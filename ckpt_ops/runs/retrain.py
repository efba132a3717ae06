"""A retraining, carried out: the candidate is trained, evaluated against the champion, and settled."""

from __future__ import annotations

from ckpt_ops.candidates.recording import record_result
from ckpt_ops.errors import LineageMoved, TrainingDied
from ckpt_ops.lineage import LineageState, ModelLog, VersionStatus
from ckpt_ops.lineage.retraining import retrained_message
from ckpt_ops.pipeline.code.digests import digests_of
from ckpt_ops.pipeline.pipeline import Pipeline
from ckpt_ops.pipeline.step_results import Concluded, Retrained, Settled, Settlement
from ckpt_ops.promotion import publish
from ckpt_ops.promotion.decisions import check_reason
from ckpt_ops.retrain.process import run_retrain_process
from ckpt_ops.retrain.proposal import Asked, Retraining, propose
from ckpt_ops.runs.prune import prune
from ckpt_ops.runs.steps import Report, evaluate, promote
from ckpt_ops.store import Store


def plan(pipeline: Pipeline, store: Store, asked: Asked) -> tuple[LineageState, Retraining]:
    """What the retraining would do. Raises as `propose`."""
    state = ModelLog(store, pipeline.name).state()
    return state, propose(pipeline, state, asked, digests=digests_of(pipeline))


def train(pipeline: Pipeline, store: Store, asked: Asked, report: Report = print) -> Retrained:
    """Train the candidate in a process of its own, or find it trained; a retry resumes it.

    Raises:
        BadInput: no reason is given; and as `propose`.
        TrainingDied: the process ended without a result. Retry: what it committed is kept.
        TrainingDiverged, ModelCodeError and more: as `runs.train`.
    """
    check_reason(asked.why)
    state, found = plan(pipeline, store, asked)
    number = found.record.version
    to_train = found.opened is None or found.opened.status is VersionStatus.STARTED
    if to_train:
        number = run_retrain_process(pipeline, store, number, asked, report)
        state = record_result(ModelLog(store, pipeline.name), store, number)
    version = state.version(number)
    if version.trained is None:
        raise TrainingDied(f"version {number} is {version.status.value}, not trained")
    return Retrained(
        version=number,
        message=retrained_message(version) or "",
        step=version.trained.step,
        stopped_by=version.trained.stopped_by,
        trained=to_train,
    )


def conclude(pipeline: Pipeline, store: Store, version: int) -> Concluded:
    """Evaluate the candidate against the champion, and promote it only if every gate passes.

    It may be left waiting for a person's approval. One that is the head already is only published.
    """
    state = ModelLog(store, pipeline.name).state()
    if state.head == version:  # whoever promoted it may have been killed before this
        publish(store, pipeline.name, state)
        prune(pipeline, store)
        settled = Settled(version=version, decision=Settlement.PROMOTED, why="it is the head already")
        return Concluded(evaluated=None, settled=settled)
    evaluated = evaluate(pipeline, store, version)
    return Concluded(evaluated=evaluated, settled=promote(pipeline, store, version))


def retrain(pipeline: Pipeline, store: Store, asked: Asked, report: Report = print) -> Settled:
    """Train, evaluate, settle.

    Raises:
        As `train`; LineageMoved: a different version became the head meanwhile.
    """
    trained = train(pipeline, store, asked, report)
    report(f"version {trained.version}: {trained.message}")
    settled = conclude(pipeline, store, trained.version).settled
    report(f"version {settled.version}: {settled.decision}: {settled.why}")
    if settled.decision is Settlement.SUPERSEDED:
        raise moved(pipeline.name, settled)
    return settled


def moved(model: str, settled: Settled) -> LineageMoved:
    """The error when the head moved, or a slice changed, while the candidate was trained."""
    return LineageMoved(
        f"the history of {model} changed while it was retrained: {settled.why}",
        safe=f"the champion serves on; version {settled.version} is kept, and was not promoted",
        next=f"pause the DAG {model}, then run the same again",
    )
