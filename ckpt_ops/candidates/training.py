"""The one process of a run that imports TensorFlow: it trains a candidate, predicts and exports."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

from ckpt_ops.candidates.attempt import attempt
from ckpt_ops.candidates.given import given_for
from ckpt_ops.candidates.opening import moved, proposed
from ckpt_ops.candidates.reporting import reporting
from ckpt_ops.candidates.session import TrainingSession
from ckpt_ops.candidates.standing_by import MODEL, expect_training
from ckpt_ops.lineage import ModelLog
from ckpt_ops.pipeline.model_work import ModelRequest, run_work, training_died
from ckpt_ops.pipeline.pipeline import Pipeline
from ckpt_ops.store import Store
from ckpt_ops.training.distribution.cluster import Cluster


@dataclass(frozen=True, kw_only=True)
class TrainingRequest(ModelRequest):
    """Train the candidate that slice `key` makes.

    `version` is its number, or the one that it gets if no other candidate comes first.
    """

    key: str


@dataclass(frozen=True, kw_only=True)
class TrainedVersion:
    """The candidate's log holds the result, under this number."""

    version: int


def run_training_process(
    pipeline: Pipeline, store: Store, version: int, key: str, report: Callable[[str], None]
) -> int:
    """Train a candidate for slice `key` until its process ends; returns the number of its version.

    Meanwhile its progress is in the store (`reporting`). The process outlives this one and trains until it
    finishes, or is fenced off by a newer attempt. Its log is kept when it fails.

    Args:
        version: the candidate's number, or the one that it gets if no other comes first.
        report: gets the process's output line by line.

    Raises:
        TrainingDied: the process was killed, or crashed outside our own code.
        LineageMoved: what there is to train had changed by the time the model was built.
        CkptOpsError: what the process raised, as it raised it.
    """
    request = TrainingRequest(pipeline=pipeline.name, store=store.url, version=version, key=key)
    died = training_died(f"the training process of {pipeline.name} v{version}")
    with reporting(store, pipeline.name, version, slices=(key,)) as told:
        done = run_work(
            train,
            request,
            pipeline,
            named="train",
            report=report,
            progress=told,
            died=died,
            imports=MODEL,
        )
    expect_training(pipeline)  # of the next slice
    return done.version


def train(request: TrainingRequest) -> TrainedVersion:
    """As `run_attempt`."""
    pipeline, store = request.opened()
    return TrainedVersion(version=run_attempt(pipeline, store, request.key))


def run_attempt(pipeline: Pipeline, store: Store, key: str, cluster: Cluster | None = None) -> int:
    """One attempt at the candidate that slice `key` makes; returns the number of its version.

    Raises `LineageMoved`, `ModelCodeError`, `Fenced` and more.

    Args:
        cluster: the workers that train together, of which this is the first; None: it trains alone.
    """
    propose = partial(proposed, pipeline, key=key)
    log = ModelLog(store, pipeline.name)
    wanted = propose(log.state())
    if wanted is None or (cluster is not None and wanted.candidate != cluster.candidate):
        raise moved(pipeline.name)
    given = given_for(pipeline, store, log.state(), wanted.parent, wanted.slices)
    replicas = None if cluster is None else cluster.connect(batch_size=pipeline.batch_size)
    session = TrainingSession(pipeline, store, from_nothing=False, given=given, replicas=replicas)
    return attempt(session, log, wanted, propose, ask_policy=True)
