"""The process that runs a rebase: one step after the other, on a model that is built once.

Each step is an ordinary candidate with its own log, checkpoints and result.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

from ckpt_ops.candidates.attempt import attempt
from ckpt_ops.candidates.given import given_for
from ckpt_ops.candidates.recording import record_result
from ckpt_ops.candidates.reporting import reporting
from ckpt_ops.candidates.session import TrainingSession
from ckpt_ops.candidates.standing_by import MODEL
from ckpt_ops.errors import LineageMoved
from ckpt_ops.lineage import ModelLog
from ckpt_ops.pipeline.model_work import ModelRequest, run_work, training_died
from ckpt_ops.pipeline.pipeline import Pipeline
from ckpt_ops.rebase.progress import next_step, progress_of
from ckpt_ops.store import Store
from ckpt_ops.worker import Note, tell


@dataclass(frozen=True, kw_only=True)
class StepsTrained:
    """Numbers of the versions that were trained, in order."""

    versions: tuple[int, ...]


def run_replay_process(
    pipeline: Pipeline, store: Store, version: int, report: Callable[[str], None]
) -> list[int]:
    """Train every step of the pipeline's rebase that is left; returns the numbers of their versions.

    Args:
        version: the number of the next step's version.
        report: gets the process's output line by line.

    Raises:
        As `run_training_process`.
    """
    request = ModelRequest(pipeline=pipeline.name, store=store.url, version=version)
    died = training_died(f"the process that rebases {pipeline.name}, at v{version} or later,")
    with reporting(store, pipeline.name, version) as told:
        done = run_work(
            replay_apart,
            request,
            pipeline,
            named="rebase",
            report=report,
            progress=told,
            died=died,
            imports=MODEL,
        )
    return list(done.versions)


def replay_apart(request: ModelRequest) -> StepsTrained:
    """As `replay`."""
    return StepsTrained(versions=tuple(replay(*request.opened())))


def replay(pipeline: Pipeline, store: Store) -> list[int]:
    """Train every step that is left; the numbers of those trained here.

    Raises `LineageMoved` when there is nothing to rebase any more, `ModelCodeError`, `Fenced` and more.
    """
    propose = partial(next_step, pipeline)
    log = ModelLog(store, pipeline.name)
    session: TrainingSession | None = None
    trained: list[int] = []
    while True:
        on = progress_of(pipeline, log.state())
        if on is None:
            raise LineageMoved(f"there is nothing to rebase in {pipeline.name} any more")
        if on.next is None:
            return trained
        tell(Note(text=f"step {on.step} of {len(on.plan.replay)}: {on.next.reason}"))
        if session is None or pipeline.vocabularies or pipeline.adapt:  # each step has its own
            given = given_for(pipeline, store, log.state(), on.next.parent, on.next.slices)
            session = TrainingSession(pipeline, store, given=given)
        number = attempt(session, log, on.next, propose, ask_policy=False)
        record_result(log, store, number)
        trained.append(number)
