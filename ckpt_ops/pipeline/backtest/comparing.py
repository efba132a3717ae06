"""What a back-test is asked, and the process that answers: `compare_process`."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ckpt_ops.errors import BadInput
from ckpt_ops.evaluation import AtLeast, AtMost, metric_named
from ckpt_ops.pipeline.description import Pipeline
from ckpt_ops.pipeline.history.retrain import died_without_a_trace
from ckpt_ops.pipeline.launch import run_process
from ckpt_ops.store import Store


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

    @property
    def arguments(self) -> list[str]:
        """As `compare_process` takes it."""
        found = ["--policies", str(self.policies.absolute()), "--metric", self.metric]
        for option, key in (("--from", self.first), ("--to", self.last)):
            found += [] if key is None else [option, key]
        return found


def usual_metric(pipeline: Pipeline) -> str:
    """The metric of the first gate that bounds one. Raises `BadInput` where there is none."""
    for gate in pipeline.gates:
        if isinstance(gate, AtLeast | AtMost):
            return gate.metric
    raise BadInput("--metric", None, f"a metric's name: no gate of {pipeline.name} is an AtLeast or AtMost")


def run_backtest(
    pipeline: Pipeline, store: Store, head: int, asked: Asked, report: Callable[[str], None]
) -> dict[str, Any]:
    """Compare the policies in a process of its own; returns what `compare_process.compare` says.

    Args:
        head: the model's version in production, 0 for none: a name for the process's log.
        report: gets the process's output line by line.

    Raises:
        TrainingDied: the process ended without an answer.
        CkptOpsError: what reading, training or judging raised, as it raised it.
    """

    died = died_without_a_trace(f"the back-test of {pipeline.name}")
    result: dict[str, Any] = run_process(
        "backtest.compare", pipeline, store, head, asked.arguments, report=report, died=died
    )
    return result
