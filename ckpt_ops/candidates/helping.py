"""What every worker but the first does for a candidate: the same steps, with its own share of each batch.

It writes nothing. Which checkpoint to begin with, and when to end, the first worker says; see `attempt`.
"""

from __future__ import annotations

import signal
import threading
from collections import ChainMap
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from types import FrameType
from typing import Any

from ckpt_ops.candidates.data import running_average
from ckpt_ops.candidates.early_stopping import lookout
from ckpt_ops.candidates.given import given_for
from ckpt_ops.candidates.opening import moved, proposed, same
from ckpt_ops.candidates.prepared import prepare
from ckpt_ops.candidates.session import TrainingSession
from ckpt_ops.checkpoints import Position, load_manifest
from ckpt_ops.checkpoints.layer_state import restore_model
from ckpt_ops.errors import TrainingDiverged
from ckpt_ops.lineage import CandidateLog, ModelLog, VersionState
from ckpt_ops.pipeline.pipeline import Pipeline
from ckpt_ops.store import Store
from ckpt_ops.training import Trainer
from ckpt_ops.training.distribution.cluster import Cluster


def help_attempt(pipeline: Pipeline, store: Store, key: str, cluster: Cluster) -> None:
    """Take part in an attempt at the candidate that slice `key` makes, until its last step.

    Raises `LineageMoved`, `ModelCodeError` and more.
    """
    propose = partial(proposed, pipeline, key=key)
    log = ModelLog(store, pipeline.name)
    state = log.state()
    wanted = propose(state)
    if wanted is None or wanted.candidate != cluster.candidate:
        raise moved(pipeline.name)
    given = given_for(pipeline, store, state, wanted.parent, wanted.slices)
    replicas = cluster.connect(batch_size=pipeline.batch_size)
    session = TrainingSession(pipeline, store, from_nothing=False, given=given, replicas=replicas)
    state = log.state()
    wanted = same(propose(state), wanted, model=pipeline.name)
    version = state.versions.get(wanted.version) or VersionState.opened(wanted)
    ready = prepare(session, state, version)
    pipeline, parent, data, order = ready.pipeline, ready.parent, ready.data, ready.order
    number, resumes_at = int(replicas.of_first(0)), int(replicas.of_first(0))
    if parent is not None:
        session.go_on_from(parent)
    session.begin()
    average = running_average(pipeline, session.variables, order, at=resumes_at)
    looks = lookout(pipeline, session.model, session.variables, data, replicas)
    extra = [one.variables for one in (average, looks) if one is not None]
    start = Position()
    if resumes_at:
        commits = CandidateLog(store, pipeline.name, number).progress().commits
        last = next(one for one in reversed(commits) if one.step == resumes_at)
        manifest = load_manifest(store, last.named)
        restore_model(store, manifest, session.model, ChainMap(session.variables, *extra), session.state)
        start = Position(step=last.step, seconds=last.seconds, metrics=last.metrics)
    following = _Following(start)
    print(f"worker {replicas.worker} trains from step {start.step} on", flush=True)
    try:
        with following.stopping_on_sigterm():
            Trainer(
                model=session.model,
                examples=data.learn,
                order=order,
                budget=pipeline.budget,
                checkpoints=following,
                progress=lambda how_far: None,
                average=average,
                lookout=looks,
                step=session.step,
                replicas=replicas,
            ).train()
    except TrainingDiverged as diverged:
        print(f"{diverged.what}; worker 0 records it", flush=True)


class _Following:
    """Takes the place of a checkpointer where nothing is saved."""

    saved_step = -1
    stall_seconds = 0.0
    save_every = None

    def __init__(self, start: Position) -> None:
        self.at = start
        self._stopping = threading.Event()

    @property
    def stopping(self) -> bool:
        return self._stopping.is_set()

    def after_step(
        self, step: int, *, seconds: float, cursor: Mapping[str, int], metrics: Mapping[str, Any]
    ) -> None:
        self.at = Position(step=step, seconds=seconds, cursor=cursor, metrics=metrics)

    def finish(self) -> None:
        """Nothing is kept."""

    @contextmanager
    def stopping_on_sigterm(self) -> Iterator[None]:
        """SIGTERM asks all workers to end after the next step; where the main thread calls this."""
        if threading.current_thread() is not threading.main_thread():
            yield
            return

        def handler(number: int, frame: FrameType | None) -> None:
            self._stopping.set()

        before = signal.signal(signal.SIGTERM, handler)
        try:
            yield
        finally:
            signal.signal(signal.SIGTERM, before)
