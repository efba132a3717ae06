"""A back-test: the recorded slices, replayed under each policy in a process of its own."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from ckpt_ops.errors import BadInput
from ckpt_ops.evaluation import AtLeast, AtMost, metric_named
from ckpt_ops.lineage import ModelLog
from ckpt_ops.pipeline.backtest.policies_file import load_policies, pipelines_under
from ckpt_ops.pipeline.backtest.recorded import Recorded, recorded
from ckpt_ops.pipeline.backtest.sharing import Shared, side_by_side
from ckpt_ops.pipeline.backtest.simulation import Event, History
from ckpt_ops.pipeline.backtest.tally import compared_keys, dominated, event_view, frontier_words, tally
from ckpt_ops.pipeline.backtest.workshop import Workshop
from ckpt_ops.pipeline.description import Pipeline
from ckpt_ops.pipeline.history.retrain import died_without_a_trace
from ckpt_ops.pipeline.model_work import Document, ModelRequest, run_work
from ckpt_ops.store import Store
from ckpt_ops.worker import Note, Progress, tell


@dataclass(frozen=True, kw_only=True)
class Asked:
    """Which policies are compared, on which slices, by what.

    Attributes:
        policies: a Python file, see `policies_file`.
        metric: by the name that gates give it.
        first, last: keys of the first and the last slice; None: of all that are recorded.
    """

    policies: Path
    metric: str
    first: str | None = None
    last: str | None = None

    def __post_init__(self) -> None:
        metric_named(self.metric, field="--metric")


def usual_metric(pipeline: Pipeline) -> str:
    """The metric of the first gate that bounds one. Raises `BadInput` where there is none."""
    for gate in pipeline.gates:
        if isinstance(gate, AtLeast | AtMost):
            return gate.metric
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
) -> dict[str, Any]:
    """Compare the policies in a process of its own; returns what `compare` does.

    Args:
        head: the model's version in production, 0 for none: a name for the process's log.
        progress: gets what the process tells.

    Raises:
        TrainingDied: the process ended without an answer.
        CkptOpsError: what reading, training or judging raised, as it raised it.
    """
    asked = replace(asked, policies=asked.policies.absolute())
    request = BacktestRequest(pipeline=pipeline.name, store=store.url, version=head, asked=asked)
    died = died_without_a_trace(f"the back-test of {pipeline.name}")
    found = run_work(compare_apart, request, pipeline, named="backtest", progress=progress, died=died)
    return dict(found.document)


def compare_apart(request: BacktestRequest) -> Document:
    """As `compare`."""
    return Document(document=compare(*request.opened(), request.asked))


def compare(pipeline: Pipeline, store: Store, asked: Asked) -> dict[str, Any]:
    """Replay the recorded slices under each policy of the file. Nothing is written to the store.

    Returns:
        `metric`, `higher_is_better`; `clock`; `slices`: key and rows of each; `compared`: keys of the slices
        that every policy scored; `policies`: for each its name, how it is written, what `Tally` has, and
        `slices`: what happened at each; `dominated`, `frontier` in words; `trainings`: how many were asked
        for, and how many of them were shared, restored, trained; `seconds`, `cpu_seconds` of this process.

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
    return {
        **_said(replayed, histories, asked.metric),
        "trainings": {
            "asked": models.asked,
            "shared": models.asked - models.trained,
            "restored": workshop.restored,
            "trained": models.trained - workshop.restored,
        },
        "seconds": time.monotonic() - began,
        "cpu_seconds": time.process_time(),
    }


def _said(replayed: Recorded, histories: Sequence[History], metric: str) -> dict[str, Any]:
    keys = compared_keys(histories, metric)
    tallies = [tally(history, metric, keys) for history in histories]
    return {
        "metric": metric,
        "higher_is_better": metric_named(metric).higher_is_better,
        "clock": replayed.clock.value,
        "slices": [{"key": one.ref.key, "rows": one.ref.rows} for one in replayed.slices],
        "compared": keys,
        "policies": [
            {
                **asdict(added),
                "policy": repr(history.pipeline.update_when),
                "slices": [event_view(event, metric) for event in history.events],
            }
            for added, history in zip(tallies, histories, strict=True)
        ],
        "dominated": dominated(tallies, metric),
        "frontier": frontier_words(tallies, metric),
    }
