"""The steps of a run, one function each: pull, validate, decide, train, evaluate, promote.

Each takes all its state from the store and may be repeated: what is done already is found and left
as it is. Airflow's tasks and `ckpt-ops run` call the same functions. What they return is in `step_results`.
"""

from __future__ import annotations

from dataclasses import dataclass

from ckpt_ops.candidates.standing_by import expect_training
from ckpt_ops.errors import SliceEmpty, SliceMissing
from ckpt_ops.lineage import Action
from ckpt_ops.pipeline.intake import Intake
from ckpt_ops.pipeline.pipeline import Pipeline
from ckpt_ops.pipeline.step_results import Decided, Settled, Settlement, Trained, Training, Validated
from ckpt_ops.runs import messages
from ckpt_ops.runs.decide import decide
from ckpt_ops.runs.evaluate import evaluate
from ckpt_ops.runs.promote import promote
from ckpt_ops.runs.pull import pull
from ckpt_ops.runs.standing_by import validate_soon
from ckpt_ops.runs.sweep import look_at_source
from ckpt_ops.runs.train import Report, help_train, train, train_here
from ckpt_ops.runs.validate import validate
from ckpt_ops.runs.validate_parts import validate_in_processes
from ckpt_ops.store import Store
from ckpt_ops.validation import Outcome


@dataclass(frozen=True, kw_only=True)
class SliceRun:
    """The results of all steps for a slice; None for steps after the one that the run ended with.

    Attributes:
        validated: never None.
    """

    validated: Validated
    decided: Decided | None = None
    trained: Trained | None = None
    settled: Settled | None = None

    @property
    def decision(self) -> Outcome | Action | Training | Settlement:
        """The outcome of the step that the run ended with."""
        if self.settled is not None:
            return self.settled.decision
        if self.trained is not None:
            return self.trained.outcome
        return self.decided.action if self.decided is not None else self.validated.outcome

    @property
    def version(self) -> int | None:
        """The candidate that the run was about, where there was one."""
        return self.trained.version if self.trained is not None else None

    @property
    def why(self) -> str:
        """Why it ended so."""
        last = self.settled or self.trained or self.decided
        if last is not None:
            return last.why
        return "\n  ".join([self.validated.summary, *_details(self.validated)])


def run_slice(pipeline: Intake, store: Store, key: str, report: Report = print) -> SliceRun:
    """All steps for one slice, one after the other; an intake has only two.

    Args:
        report: gets a line on each step but the last: that one's outcome is in `decision` and `why`.
    """

    def report_step(step: str, lines: list[str]) -> None:
        report(f"{step}: " + "\n  ".join(lines))

    def report_each(lines: list[str]) -> None:
        for line in lines:
            report(line)

    if isinstance(pipeline, Pipeline):
        expect_training(pipeline)  # imports while the slice is pulled and validated
    try:
        pulled = pull(pipeline, store, key)
    except (SliceMissing, SliceEmpty):
        report_each(look_at_source(pipeline, store))
        raise
    report_step("pulled", messages.pulled(pulled))
    validate_in_processes(pipeline, store, key, pulled.revision, report)
    validated = validate_soon(pipeline, store, key, pulled.revision, report)
    if not isinstance(pipeline, Pipeline):
        return SliceRun(validated=validated)
    verdict = messages.validated(validated)
    # when the slice is not accepted, the decision has the reasons
    report_step("validated", verdict if validated.trainable else verdict[:1])
    decided = decide(pipeline, store, key)
    report_each(messages.changed(pipeline.name, decided.changed_at_source))
    if not decided.train:
        return SliceRun(validated=validated, decided=decided)
    report_step("decided", messages.decided(decided))
    trained = train_here(pipeline, store, key, report)
    version = trained.to_evaluate
    if version is None:
        return SliceRun(validated=validated, decided=decided, trained=trained)
    report_step("trained", messages.trained(trained))
    report_step("evaluated", messages.evaluated(evaluate(pipeline, store, version)))
    settled = promote(pipeline, store, version)
    return SliceRun(validated=validated, decided=decided, trained=trained, settled=settled)


def _details(validated: Validated) -> tuple[str, ...]:
    """The reasons, unless the summary is made of them."""
    return () if validated.summary == "; ".join(validated.reasons) else validated.reasons


__all__ = [
    "Report",
    "SliceRun",
    "decide",
    "evaluate",
    "help_train",
    "promote",
    "pull",
    "run_slice",
    "train",
    "train_here",
    "validate",
]
