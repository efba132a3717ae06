"""How far the champion is from a model trained from nothing on all that it learned: what is asked, and said.

A model that is updated slice by slice may fall behind one that sees everything at once, or the other way
round. `audit_process` trains the second one, and writes nothing to the store.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from ckpt_ops import checks
from ckpt_ops.errors import BadInput
from ckpt_ops.evaluation import metric_named
from ckpt_ops.lineage import LineageState
from ckpt_ops.lineage.records import SliceRef
from ckpt_ops.pipeline.description import Pipeline
from ckpt_ops.pipeline.history.retrain import died_without_a_trace
from ckpt_ops.pipeline.launch import run_process
from ckpt_ops.store import Store


@dataclass(frozen=True, kw_only=True)
class Audit:
    """What is compared, and by what.

    Attributes:
        metric: by the name that gates give it.
        newest: on the held-out rows of so many of the newest slices that the champion learned.
        epochs: passes of the model from nothing over all of them. More than an update makes: that one goes
            on from a trained model.
    """

    metric: str = "auc"
    newest: int = 4
    epochs: int = 4

    def __post_init__(self) -> None:
        metric_named(self.metric)
        for name in ("newest", "epochs"):
            checks.whole(name, getattr(self, name))

    @property
    def arguments(self) -> list[str]:
        """As `audit_process` takes it."""
        return ["--metric", self.metric, "--newest", str(self.newest), "--epochs", str(self.epochs)]


def learned(state: LineageState) -> tuple[SliceRef, ...]:
    """What the head has learned, oldest first. Raises `BadInput`: there is no head."""
    if state.head is None:
        raise BadInput("model", state.model, "a model with a version in production")
    return tuple(state.consumed[key] for key in sorted(state.consumed))


def sentence(found: Mapping[str, Any]) -> str:
    """What an audit came to."""
    metric, champion, cold = found["metric"], found["champion"], found["from_scratch"]
    low, high, confidence = found["low"], found["high"], found["confidence"]
    if low <= 0 <= high:
        verdict = "cannot be told from"
    else:
        better = metric_named(metric).improvement(found["delta"]) > 0
        verdict = "is better than" if better else "is worse than"
    share = champion["steps"] / cold["steps"]
    return (
        f"version {champion['version']} {verdict} a model trained from nothing on all it learned: {metric} "
        f"{champion['value']:.4f} against {cold['value']:.4f}, a difference of {found['delta']:+.4f} "
        f"({confidence:.0%}: {low:+.4f} to {high:+.4f}); all its updates together took {share:.1f} times the "
        f"steps of that one training"
    )


def run_audit(
    pipeline: Pipeline, store: Store, head: int, audit: Audit, report: Callable[[str], None]
) -> dict[str, Any]:
    """Audit in a process of its own; returns what `audit_process.audit` says.

    Raises:
        TrainingDied: the process ended without an answer.
        CkptOpsError: what restoring, training or measuring raised, as it raised it.
    """

    died = died_without_a_trace(f"the audit of {pipeline.name}")
    result: dict[str, Any] = run_process(
        "history.audit", pipeline, store, head, audit.arguments, report=report, died=died
    )
    return result
