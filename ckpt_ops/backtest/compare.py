"""A back-test: the recorded slices, replayed under each policy in a process of its own."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from ckpt_ops.backtest.models import Workshop
from ckpt_ops.backtest.policies_file import load_policies, pipelines_under
from ckpt_ops.backtest.recorded import recorded
from ckpt_ops.backtest.sharing import Shared, side_by_side
from ckpt_ops.backtest.simulation import Event
from ckpt_ops.backtest.tally import (
    Tally,
    compared_keys,
    dominated,
    event_view,
    frontier_message,
    tally,
)
from ckpt_ops.diagnostics.retrain import died_without_a_trace
from ckpt_ops.errors import BadInput
from ckpt_ops.evaluation import AtLeast, AtMost, metric_of_key
from ckpt_ops.lineage import ModelLog
from ckpt_ops.outputs import keyed
from ckpt_ops.pipeline.model_work import ModelRequest, run_work
from ckpt_ops.pipeline.pipeline import Pipeline
from ckpt_ops.store import Store
from ckpt_ops.worker import Note, Progress, tell


@dataclass(frozen=True, kw_only=True)
class Asked:
    """Which policies are compared, on which slices, by which metric.

    Attributes:
        policies: a Python file, see `policies_file`.
        metric: by the name that gates give it; of an output `click:auc`.
        first, last: keys of the first and the last slice; None: of all that are recorded.
    """

    policies: Path
    metric: str
    first: str | None = None
    last: str | None = None

    def __post_init__(self) -> None:
        metric_of_key(self.metric, field="--metric")


@dataclass(frozen=True, kw_only=True)
class SliceSize:
    """A slice that was replayed."""

    key: str
    rows: int


@dataclass(frozen=True, kw_only=True)
class PolicyReplayed:
    """The result of a policy.

    Attributes:
        policy: as written in the file.
        slices: what happened at each, as `event_view` has it.
    """

    tally: Tally
    policy: str
    slices: tuple[Mapping[str, Any], ...]


@dataclass(frozen=True, kw_only=True)
class Trainings:
    """How many trainings were asked for, and how many of them were shared, restored, trained."""

    asked: int
    shared: int
    restored: int
    trained: int


@dataclass(frozen=True, kw_only=True)
class Backtest:
    """The comparison.

    Attributes:
        clock: where the time of a slice comes from.
        compared: keys of the slices that every policy scored.
        dominated: by policy that others beat, a list of their names.
        frontier: as a sentence.
        seconds, cpu_seconds: of the process.
    """

    metric: str
    higher_is_better: bool
    clock: str
    slices: tuple[SliceSize, ...]
    compared: tuple[str, ...]
    policies: tuple[PolicyReplayed, ...]
    dominated: Mapping[str, Any]
    frontier: str
    trainings: Trainings
    seconds: float
    cpu_seconds: float

    def to_json(self) -> dict[str, Any]:
        return {
            **asdict(self),
            "slices": [asdict(one) for one in self.slices],
            "compared": list(self.compared),
            "policies": [
                {**asdict(one.tally), "policy": one.policy, "slices": list(one.slices)}
                for one in self.policies
            ],
        }


def usual_metric(pipeline: Pipeline) -> str:
    """The metric of the first gate that bounds one. Raises `BadInput` where there is none."""
    for gate in pipeline.gates:
        if isinstance(gate, AtLeast | AtMost):
            return keyed(gate.metric, gate.output)
    raise BadInput("--metric", None, f"a metric's name: no gate of {pipeline.name} is an AtLeast or AtMost")


@dataclass(frozen=True, kw_only=True)
class BacktestRequest(ModelRequest):
    """Compare policies on the recorded slices. `version` is the head."""

    asked: Asked


def run_backtest(
    pipeline: Pipeline,
    store: Store,
    head: int,
    asked: Asked,
    progress: Callable[[Progress], None],
) -> Backtest:
    """Compare the policies in a process of its own; returns what `compare` does.

    Args:
        head: the model's version in production, 0 for none: a name for the process's log.
        progress: gets the progress that the process reports.

    Raises:
        TrainingDied: the process ended without an answer.
        CkptOpsError: what reading, training or evaluating raised, as it raised it.
    """
    asked = replace(asked, policies=asked.policies.absolute())
    request = BacktestRequest(pipeline=pipeline.name, store=store.url, version=head, asked=asked)
    died = died_without_a_trace(f"the back-test of {pipeline.name}")
    return run_work(compare_apart, request, pipeline, named="backtest", progress=progress, died=died)


def compare_apart(request: BacktestRequest) -> Backtest:
    """As `compare`."""
    return compare(*request.opened(), request.asked)


def compare(pipeline: Pipeline, store: Store, asked: Asked) -> Backtest:
    """Replay the recorded slices under each policy of the file. Nothing is written to the store.

    Raises:
        BadInput: of `load_policies`, `recorded`.
        ObjectNotFound: a slice's rows are gone.
        ModelCodeError: the user's functions did not take the slices.
    """
    began = time.monotonic()
    pipelines = pipelines_under(pipeline, load_policies(asked.policies))
    state = ModelLog(store, pipeline.name).state()
    replayed = recorded(state, first=asked.first, last=asked.last)

    def report(at: int, name: str, event: Event) -> None:
        passed = f"{time.monotonic() - began:.0f} s"
        spent = f", {event.steps} steps" if event.candidate else ""
        where = f"slice {at} of {len(replayed.slices)} ({event.key}) after {passed}"
        tell(Note(text=f"{where}: {name}: {event.outcome.value}{spent}"))

    with tempfile.TemporaryDirectory(prefix="ckpt-ops-backtest-") as folder:
        workshop = Workshop(pipeline, store, state, Path(folder))
        models = Shared(workshop)
        histories = side_by_side(pipelines, replayed.slices, models, report)
    keys = compared_keys(histories, asked.metric)
    tallies = [tally(history, asked.metric, keys) for history in histories]
    return Backtest(
        metric=asked.metric,
        higher_is_better=metric_of_key(asked.metric).higher_is_better,
        clock=replayed.clock.value,
        slices=tuple(SliceSize(key=one.ref.key, rows=one.ref.rows) for one in replayed.slices),
        compared=tuple(keys),
        policies=tuple(
            PolicyReplayed(
                tally=added,
                policy=repr(history.pipeline.update_when),
                slices=tuple(event_view(event, asked.metric) for event in history.events),
            )
            for added, history in zip(tallies, histories, strict=True)
        ),
        dominated=dominated(tallies, asked.metric),
        frontier=frontier_message(tallies, asked.metric),
        trainings=Trainings(
            asked=models.asked,
            shared=models.asked - models.trained,
            restored=workshop.restored,
            trained=models.trained - workshop.restored,
        ),
        seconds=time.monotonic() - began,
        cpu_seconds=time.process_time(),
    )
