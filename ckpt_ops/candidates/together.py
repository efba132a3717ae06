"""A candidate that several workers train: how each of them meets the others, and starts its process.

Worker 0 is the training: its process opens the candidate, saves, evaluates and exports. The others take
their share of each step. When one of them fails, all do, and a retry of all resumes at the last commit.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from ckpt_ops.candidates.helping import help_attempt
from ckpt_ops.candidates.reporting import reporting
from ckpt_ops.candidates.training import TrainedVersion, TrainingRequest, run_attempt
from ckpt_ops.errors import CkptOpsError, GangBroken
from ckpt_ops.gang import Done, Facts, Leader, Member, Watch, beat_in
from ckpt_ops.lineage import CandidateLog
from ckpt_ops.pipeline.code.digests import digests_of, installed
from ckpt_ops.pipeline.model_work import run_work, training_died
from ckpt_ops.pipeline.pipeline import Pipeline
from ckpt_ops.short_errors import in_short
from ckpt_ops.store import Store
from ckpt_ops.training.distribution import Workers
from ckpt_ops.training.distribution.cluster import Cluster
from ckpt_ops.worker import Progress


@dataclass(frozen=True, kw_only=True)
class ShareRequest(TrainingRequest):
    """Train a share of the candidate that slice `key` makes.

    Attributes:
        addresses, worker, candidate: as in `Cluster`.
    """

    addresses: tuple[str, ...]
    worker: int
    candidate: str


@dataclass(frozen=True, kw_only=True)
class Shared:
    """What there is to train together, as all workers know it.

    Attributes:
        version: the candidate's number, or the one that it gets if no other comes first.
        candidate: its id.
    """

    version: int
    candidate: str
    key: str


def lead(
    pipeline: Pipeline, store: Store, workers: Workers, work: Shared, report: Callable[[str], None]
) -> int:
    """Be worker 0 of the training; returns the number of its version.

    Raises:
        GangBroken: not all workers were there in time, or one of them is gone.
        WorkersDiffer: one has other code, libraries or settings.
        CkptOpsError: what the process of a worker raised, as it raised it.
    """
    facts = _facts(pipeline, work)
    within = workers.meet_within.total_seconds()
    with Leader(store, pipeline.name, facts, count=workers.count, within=within, report=report) as gang:
        with reporting(store, pipeline.name, work.version, slices=(work.key,)) as told:
            version = _process(pipeline, store, gang, gang.meet(), work, report, told)
        gang.done(version)
        return version


def follow(
    pipeline: Pipeline,
    store: Store,
    workers: Workers,
    work: Shared,
    report: Callable[[str], None],
    *,
    worker: int,
    given_up: Callable[[], bool] = lambda: False,
) -> int | None:
    """Be worker `worker` of the training, from 1; returns the number of its version. Raises as `lead`.

    Args:
        given_up: whether there is no worker 0 to wait for any more; None is returned then.
    """

    def over() -> int | None:
        if given_up():
            return 0
        ended = CandidateLog(store, pipeline.name, work.version).progress().result is not None
        return work.version if ended else None

    within = workers.meet_within.total_seconds()
    with Member(
        store,
        pipeline.name,
        _facts(pipeline, work),
        worker=worker,
        count=workers.count,
        within=within,
        report=report,
        over=over,
    ) as gang:
        try:
            _process(pipeline, store, gang, gang.meet(), work, report, lambda progress: None)
            return gang.wait()
        except Done as done:
            return done.version or None


def _facts(pipeline: Pipeline, work: Shared) -> Facts:
    return Facts.of(
        candidate=work.candidate,
        code=digests_of(pipeline).code,
        libraries=installed(),
        config=pipeline.training_config(),
    )


def _process(
    pipeline: Pipeline,
    store: Store,
    gang: Leader | Member,
    addresses: tuple[str, ...],
    work: Shared,
    report: Callable[[str], None],
    told: Callable[[Progress], None],
) -> int:
    request = ShareRequest(
        pipeline=pipeline.name,
        store=store.url,
        version=work.version,
        key=work.key,
        addresses=addresses,
        worker=gang.worker,
        candidate=work.candidate,
    )
    died = training_died(f"the process of worker {gang.worker} of {pipeline.name} v{work.version}")
    watch = Watch(gang.check, worker=gang.worker)
    try:
        done = run_work(
            train_share,
            request,
            pipeline,
            named="train",
            report=report,
            progress=told,
            died=died,
            watch=watch,
        )
    except CkptOpsError as error:
        raise gang.explained(error) from error
    return done.version


def train_share(request: ShareRequest) -> TrainedVersion:
    """In a process of its own, which ends with the one that started it."""
    beat_in(Path.cwd())
    cluster = Cluster(addresses=request.addresses, worker=request.worker, candidate=request.candidate)
    cluster.tell_tensorflow()
    pipeline, store = request.opened()
    with _cut_off(request.worker):
        if request.worker == 0:
            return TrainedVersion(version=run_attempt(pipeline, store, request.key, cluster))
        help_attempt(pipeline, store, request.key, cluster)
        return TrainedVersion(version=request.version)


@contextmanager
def _cut_off(worker: int) -> Iterator[None]:
    """What TensorFlow raises of its connections to other workers is no error of the model's code."""
    try:
        yield
    except Exception as error:
        import tensorflow as tf

        if not isinstance(error, tf.errors.OpError):
            raise
        raise GangBroken(
            f"worker {worker} lost the others: {in_short(error)}",
            safe="every committed checkpoint is kept; the champion serves on",
            next="a retry of all workers resumes at the last committed checkpoint",
        ) from error
