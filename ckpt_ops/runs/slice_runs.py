"""Runs slices one after the other in this process, without Airflow: one slice or a range."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum

from ckpt_ops.errors import CkptOpsError, SliceEmpty, SliceMissing
from ckpt_ops.lineage import Action
from ckpt_ops.pipeline.intake import EmptySlices, Intake
from ckpt_ops.pipeline.pipeline import Pipeline
from ckpt_ops.pipeline.step_results import Settlement, Training
from ckpt_ops.runs.steps import run_slice
from ckpt_ops.store import Store
from ckpt_ops.validation import Outcome

_WELL = (
    Outcome.ACCEPTED,
    Outcome.SET_ASIDE,
    Settlement.PROMOTED,
    Action.SKIP,
    Action.SHADOW,
)


class NotRun(StrEnum):
    """How a run ended that has none of its steps' outcomes."""

    EMPTY = "empty"
    MISSING = "missing"
    FAILED = "failed"


Decision = Outcome | Action | Training | Settlement | NotRun
"""How a run ended: with the outcome of its last step."""


@dataclass(frozen=True, kw_only=True)
class Ran:
    """How a run ended.

    Attributes:
        accepted: some of the slice may be trained on, by validation or a person; None: not evaluated.
        outcome, report: of validation: its verdict, and the address of its report.
        error: why it failed, or is missing.
    """

    key: str
    decision: Decision
    why: str
    accepted: bool | None = None
    outcome: Outcome | None = None
    report: str = ""
    error: CkptOpsError | None = None


def run_one(intake: Intake, store: Store, key: str, report: Callable[[str], None] = print) -> Ran:
    """All steps for one slice. An empty one is skipped if the pipeline says so.

    Raises:
        CkptOpsError: what a step raises.
    """
    try:
        done = run_slice(intake, store, key, report)
    except SliceEmpty as error:
        if intake.empty_slices is not EmptySlices.SKIP:
            raise
        return Ran(key=key, decision=NotRun.EMPTY, why=error.what)
    return Ran(
        key=key,
        decision=done.decision,
        why=done.why,
        accepted=done.validated.trainable,
        outcome=done.validated.outcome,
        report=done.validated.report,
    )


def run_all(
    intake: Intake, store: Store, keys: Iterable[str], report: Callable[[str], None] = print
) -> list[Ran]:
    """All steps for slice after slice, in the order given. What was done before is found and left as it is.

    Missing slices are skipped. In an intake, a slice that fails does not stop the others. For a model, the
    first failure ends the list: the slices after it would train out of order.

    Args:
        report: gets a line on each step of each slice, and on how each ended.
    """
    done: list[Ran] = []
    for key in keys:
        try:
            ran = run_one(intake, store, key, report)
        except CkptOpsError as error:
            decision = NotRun.MISSING if isinstance(error, SliceMissing) else NotRun.FAILED
            ran = Ran(key=key, decision=decision, why=error.what, error=error)
        report(f"slice {key}: {ran.decision}: {ran.why}")
        done.append(ran)
        if ran.decision is NotRun.FAILED and isinstance(intake, Pipeline):
            break
    return done


def summary(done: Sequence[Ran], of: int) -> str:
    """`52 slices: 50 accepted, 2 quarantined (KEY, KEY)`: what went well is counted, the rest named."""
    by: dict[Decision, list[str]] = {}
    for ran in done:
        not_accepted = ran.outcome if ran.accepted is False else None
        by.setdefault(not_accepted or ran.decision, []).append(ran.key)
    named = []
    for what, keys in by.items():
        named.append(f"{len(keys)} {what}" + ("" if what in _WELL else f" ({', '.join(keys)})"))
    left = [f"{of - len(done)} not run"] if of > len(done) else []
    return f"{of} slice{'' if of == 1 else 's'}: {', '.join([*named, *left])}"
