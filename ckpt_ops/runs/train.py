"""The task `train`: a candidate for what is pending, trained in a process of its own; in shadow, predictions.

It takes all its state from the store and may be repeated: a retry resumes at the last committed checkpoint.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

from ckpt_ops.candidates.proposal import propose
from ckpt_ops.candidates.recording import record_result
from ckpt_ops.candidates.together import Shared, follow, lead
from ckpt_ops.candidates.training import run_training_process
from ckpt_ops.errors import BadInput, TrainingDied
from ckpt_ops.lineage import ModelLog, VersionStatus
from ckpt_ops.lineage.shadow import in_shadow
from ckpt_ops.lineage.state import VersionState
from ckpt_ops.pipeline.code.digests import digests_of
from ckpt_ops.pipeline.pipeline import Pipeline
from ckpt_ops.pipeline.step_results import Helped, Trained, Training
from ckpt_ops.shadow import scoring
from ckpt_ops.store import Store
from ckpt_ops.training.distribution import Workers

Report = Callable[[str], None]


def train(pipeline: Pipeline, store: Store, key: str, report: Report = print) -> Trained:
    """Train a candidate on what is pending up to the slice, in a process of its own.

    The same inputs give the same candidate: a retry resumes it at its last committed checkpoint. The
    process opens the candidate in the log only after the user's functions gave a model and examples.

    While a candidate is in shadow nothing is trained: it and its champion predict the slice instead. The
    outcome is "shadow" until it can be evaluated, then "trained" with its version.

    The log is read once, and again only after this task, or the process that it started, has appended to it.

    Raises:
        ModelCodeError: they did not. Nothing about it is in the log.
        TrainingDied: the process ended without a result. Retry: what it committed is kept.
    """
    log = ModelLog(store, pipeline.name)
    state = log.state()
    shadow = scoring.score(pipeline, store, log, state, key, report)
    if shadow is not None:
        if not shadow.complete:
            return scoring.waiting(shadow, key)
        return _trained(shadow.version, key, shadow.message)
    proposal = propose(pipeline, state, key, digests=digests_of(pipeline))
    planned, wanted = proposal.plan, proposal.to_train
    if wanted is None:
        why = "; ".join(filter(None, [planned.why, proposal.obstacle]))
        return Trained(key=key, version=None, outcome=Training.SKIP, why=why)
    version = state.versions.get(wanted.version) or VersionState.opened(wanted.record())
    if version.status is VersionStatus.STARTED:
        if isinstance(pipeline.distribution, Workers):
            work = Shared(version=version.version, candidate=wanted.id, key=key)
            number = lead(pipeline, store, pipeline.distribution, work, report)
        else:
            number = run_training_process(pipeline, store, version.version, key, report)
        state = record_result(log, store, number)  # the process opened the candidate after the log was read
        version = state.versions[number]
    if version.status is VersionStatus.DEFERRED:
        why = version.decided.reason if version.decided else ""
        return Trained(key=key, version=version.version, outcome=Training.DEFERRED, why=why)
    shadow = in_shadow(state)
    if shadow is not None and shadow.version == version:
        return scoring.waiting(shadow, key)
    return _trained(version, key, planned.why)


def help_train(
    pipeline: Pipeline,
    store: Store,
    key: str,
    worker: int,
    report: Report = print,
    *,
    given_up: Callable[[], bool] = lambda: False,
) -> Helped:
    """Be worker `worker`, from 1, of the training that `train` is worker 0 of, if it trains anything.

    Args:
        given_up: whether `train` has ended, so that there is nobody to wait for.

    Raises:
        GangBroken: the workers did not meet in time, or one of them is gone. Retry: it resumes with all.
    """
    workers = pipeline.distribution
    if not isinstance(workers, Workers):
        raise BadInput("distribution", workers, "Workers(count=...): nobody else trains")
    state = ModelLog(store, pipeline.name).state()
    wanted = propose(pipeline, state, key, digests=digests_of(pipeline)).to_train
    version = None if wanted is None else state.versions.get(wanted.version)
    if wanted is None or (version is not None and version.status is not VersionStatus.STARTED):
        return Helped(key=key, worker=worker, version=None)
    work = Shared(version=wanted.version, candidate=wanted.id, key=key)
    found = follow(pipeline, store, workers, work, report, worker=worker, given_up=given_up)
    return Helped(key=key, worker=worker, version=found)


def train_here(pipeline: Pipeline, store: Store, key: str, report: Report = print) -> Trained:
    """As `train`; where the pipeline has several workers, all of them on this machine."""
    workers = pipeline.distribution
    if not isinstance(workers, Workers):
        return train(pipeline, store, key, report)
    ended = threading.Event()

    def help_as(worker: int) -> Helped:
        def told(line: str) -> None:
            report(f"worker {worker}: {line}")

        return help_train(pipeline, store, key, worker, told, given_up=ended.is_set)

    with ThreadPoolExecutor(workers.count - 1, thread_name_prefix="worker") as pool:
        helping = [pool.submit(help_as, worker) for worker in range(1, workers.count)]
        try:
            found = train(pipeline, store, key, report)
        finally:
            ended.set()
        for one in helping:
            one.exception()  # the training has its result: what became of the others does not matter
    return found


def _trained(version: VersionState, key: str, why: str) -> Trained:
    trained = version.trained
    if trained is None:
        raise TrainingDied(f"version {version.version} is {version.status.value}, not trained")
    return Trained(
        key=key,
        version=version.version,
        outcome=Training.TRAINED,
        why=why,
        step=trained.step,
        stopped_by=trained.stopped_by,
        checkpoints=trained.checkpoints,
    )
