"""A rebase, carried out: the steps that are left, the verdict on the result, and the swap of the head."""

from __future__ import annotations

from ckpt_ops.errors import BadInput, LineageMoved
from ckpt_ops.lineage import LineageState, ModelLog
from ckpt_ops.lineage.records import Record, RolledBack
from ckpt_ops.pipeline.pipeline import Pipeline
from ckpt_ops.pipeline.step_results import Concluded, Rebased, Replayed, Settled, Settlement
from ckpt_ops.promotion import publish
from ckpt_ops.promotion.publish import check_whole
from ckpt_ops.rebase.progress import RebaseProgress, progress_of, why
from ckpt_ops.rebase.replay import run_replay_process
from ckpt_ops.runs.prune import prune
from ckpt_ops.runs.steps import Report, evaluate, promote
from ckpt_ops.store import Store

_ATTEMPTS = 4


def replay(pipeline: Pipeline, store: Store, report: Report = print) -> Replayed:
    """Train the steps that are left, in one process; returns the version that would become the head.

    Raises:
        BadInput: there is nothing to rebase, or nothing would be left.
        TrainingDied: the process ended before the last step. Retry: what it committed is kept.
    """
    log = ModelLog(store, pipeline.name)
    on = _progress(pipeline, log.state())
    trained: list[int] = []
    if on.next is not None:
        trained = run_replay_process(pipeline, store, on.next.version, report)
        on = _progress(pipeline, log.state())
    if on.result is None:
        raise LineageMoved(
            f"the history of {pipeline.name} changed while it was rebased: "
            f"{len(on.plan.replay) - len(on.done)} steps are left now",
            safe="every step that was trained is kept; the champion serves on",
            next="nothing: a retry goes on",
        )
    return Replayed(version=on.result, steps=on.done, trained=tuple(trained))


def conclude(pipeline: Pipeline, store: Store, version: int) -> Concluded:
    """Evaluate the result of a rebase and swap the head, unless the gates reject it.

    A version that was in production before is not evaluated again: nothing is wrong with it.
    """
    log = ModelLog(store, pipeline.name)
    if log.state().version(version).promoted is None:
        evaluated = evaluate(pipeline, store, version)
        return Concluded(evaluated=evaluated, settled=promote(pipeline, store, version))

    def choose(state: LineageState) -> Record | None:
        on = progress_of(pipeline, state)
        if on is None or on.result != version or state.head is None:
            return None  # it is the head already, or a different rebase is due
        check_whole(store, state.versions[version])
        reason = f"rebase ({why(on.plan)})"
        return RolledBack(version=version, champion=state.head, rebase=True, reason=reason)

    state = log.decide(choose)
    publish(store, pipeline.name, state)
    prune(pipeline, store)
    decision = Settlement.PROMOTED if state.head == version else Settlement.SUPERSEDED
    why_ = "it was in production before; nothing is wrong with it"
    return Concluded(evaluated=None, settled=Settled(version=version, decision=decision, why=why_))


def rebase(pipeline: Pipeline, store: Store, report: Report = print) -> Rebased:
    """Replay, evaluate, swap; again when the head moved meanwhile.

    Raises:
        As `replay`; LineageMoved when the head kept moving.
    """
    state = ModelLog(store, pipeline.name).state()
    if progress_of(pipeline, state) is None and state.head and state.versions[state.head].started.replaces:
        # the process that swapped the head may have been killed before this
        publish(store, pipeline.name, state)
        prune(pipeline, store)
        settled = Settled(version=state.head, decision=Settlement.PROMOTED, why="it is the head already")
        return Rebased(
            replayed=Replayed(version=state.head, steps=(), trained=()),
            concluded=Concluded(evaluated=None, settled=settled),
        )
    for _ in range(_ATTEMPTS):
        replayed = replay(pipeline, store, report)
        concluded = conclude(pipeline, store, replayed.version)
        settled = concluded.settled
        report(f"version {settled.version}: {settled.decision}: {settled.why}")
        if settled.decision is not Settlement.SUPERSEDED:
            return Rebased(replayed=replayed, concluded=concluded)
    raise LineageMoved(
        f"the head of {pipeline.name} moved {_ATTEMPTS} times while it was rebased",
        safe="every step that was trained is kept; the champion serves on",
        next=f"pause the DAG {pipeline.name}, then ckpt-ops rebase {pipeline.name} goes on",
    )


def _progress(pipeline: Pipeline, state: LineageState) -> RebaseProgress:
    on = progress_of(pipeline, state)
    if on is None:
        raise BadInput(
            "MODEL",
            pipeline.name,
            "a model with something to rebase: a consumed slice that was corrected, withdrawn or tainted, or "
            "a late slice resolved as a fork",
            next=f"ckpt-ops slices {pipeline.name}",
        )
    if on.plan.empties:
        raise BadInput(
            "MODEL",
            pipeline.name,
            "a model with a slice left to train on: every slice that it consumed is gone",
            next="deliver new slices; the champion serves on until then",
        )
    return on
