"""The process that trains the candidate of a retraining."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

from ckpt_ops.candidates.attempt import attempt
from ckpt_ops.candidates.given import given_for
from ckpt_ops.candidates.reporting import reporting
from ckpt_ops.candidates.session import TrainingSession
from ckpt_ops.candidates.standing_by import MODEL
from ckpt_ops.lineage import LineageState, ModelLog
from ckpt_ops.lineage.records import CandidateStarted
from ckpt_ops.pipeline.code.digests import digests_of
from ckpt_ops.pipeline.model_work import ModelRequest, run_work, training_died
from ckpt_ops.pipeline.pipeline import Pipeline
from ckpt_ops.retrain.proposal import Asked, propose
from ckpt_ops.store import Store


@dataclass(frozen=True, kw_only=True)
class RetrainRequest(ModelRequest):
    """Train what is `asked` for; `version` is its number, or the one that it gets if no other comes first."""

    asked: Asked


@dataclass(frozen=True, kw_only=True)
class RetrainedVersion:
    """The candidate's log holds the result, under this number."""

    version: int


def run_retrain_process(
    pipeline: Pipeline, store: Store, version: int, asked: Asked, report: Callable[[str], None]
) -> int:
    """Train the candidate until its process ends; returns the number of its version.

    Args:
        version: its number, or the one that it gets if no other comes first.
        report: gets the process's output line by line.

    Raises:
        As `run_training_process`.
    """
    request = RetrainRequest(pipeline=pipeline.name, store=store.url, version=version, asked=asked)
    died = training_died(f"the process that retrains {pipeline.name} as v{version}")
    with reporting(store, pipeline.name, version) as told:
        done = run_work(
            retrain_apart,
            request,
            pipeline,
            named="retrain",
            report=report,
            progress=told,
            died=died,
            imports=MODEL,
        )
    return done.version


def retrain_apart(request: RetrainRequest) -> RetrainedVersion:
    """As `retrain`."""
    return RetrainedVersion(version=retrain(*request.opened(), request.asked))


def retrain(pipeline: Pipeline, store: Store, asked: Asked) -> int:
    """One attempt at the candidate; returns the number of its version.

    Raises `LineageMoved`, `ModelCodeError`, `Fenced` and more; and as `propose`.
    """
    log = ModelLog(store, pipeline.name)
    state = log.state()
    wanted = proposed(pipeline, asked, state)
    given = given_for(pipeline, store, state, wanted.parent, wanted.slices)
    session = TrainingSession(pipeline, store, given=given)
    return attempt(session, log, wanted, partial(proposed, pipeline, asked), ask_policy=False)


def proposed(pipeline: Pipeline, asked: Asked, state: LineageState) -> CandidateStarted:
    """The record that opens, or has opened, the candidate. The code is read each time."""
    return propose(pipeline, state, asked, digests=digests_of(pipeline)).record
