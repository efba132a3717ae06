"""The steps of a run, one function each: pull, validate, decide, train, evaluate, promote.

Each takes all its state from the store and may be repeated: what is done already is found and left
as it is. Airflow's tasks and `ckpt-ops run` call the same functions. What they return is in `step_results`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from ckpt_ops.errors import TrainingDied
from ckpt_ops.lineage import Action, ModelLog, VersionStatus
from ckpt_ops.lineage.changed_at_source import pull_command
from ckpt_ops.lineage.shadow import in_shadow
from ckpt_ops.lineage.state import VersionState
from ckpt_ops.pipeline import messages
from ckpt_ops.pipeline.candidate_training import run_training_process
from ckpt_ops.pipeline.decide import decide
from ckpt_ops.pipeline.description import Pipeline
from ckpt_ops.pipeline.digests import digests_of
from ckpt_ops.pipeline.evaluating import evaluate
from ckpt_ops.pipeline.intake import Intake
from ckpt_ops.pipeline.intake_steps import pull, validate
from ckpt_ops.pipeline.promote import promote
from ckpt_ops.pipeline.proposal import propose
from ckpt_ops.pipeline.recording import record_result
from ckpt_ops.pipeline.shadow import scoring
from ckpt_ops.pipeline.step_results import Decided, Settled, Settlement, Trained, Training, Validated
from ckpt_ops.store import Store
from ckpt_ops.validation import Outcome

Report = Callable[[str], None]


def train(pipeline: Pipeline, store: Store, key: str, report: Report = print) -> Trained:
    """Train a candidate on what is pending up to the slice, in a process of its own.

    The same inputs give the same candidate: a retry resumes it at its last committed checkpoint. The
    process opens the candidate in the log only after the user's functions gave a model and examples.

    While a candidate is in shadow nothing is trained: it and its champion predict the slice instead. The
    outcome is "shadow" until it can be judged, then "trained" with its version.

    The log is read once, and again only behind what this task, or the process that it started, has appended.

    Raises:
        ModelCodeError: they did not. The log does not hear of it.
        TrainingDied: the process ended without a result. Retry: what it committed is kept.
    """
    log = ModelLog(store, pipeline.name)
    state = log.state()
    shadow = scoring.score(pipeline, store, log, state, key, report)
    if shadow is not None:
        if not shadow.complete:
            return scoring.waiting(shadow, key)
        return _trained(shadow.version, key, shadow.words)
    proposal = propose(pipeline, state, key, digests=digests_of(pipeline))
    planned, wanted = proposal.plan, proposal.to_train
    if wanted is None:
        why = "; ".join(filter(None, [planned.why, proposal.obstacle]))
        return Trained(key=key, version=None, outcome=Training.SKIP, why=why)
    version = state.versions.get(wanted.version) or VersionState.opened(wanted.record())
    if version.status is VersionStatus.STARTED:
        number = run_training_process(pipeline, store, version.version, key, report)
        state = record_result(log, store, number)  # the process has opened the candidate behind what was read
        version = state.versions[number]
    if version.status is VersionStatus.DEFERRED:
        why = version.decided.reason if version.decided else ""
        return Trained(key=key, version=version.version, outcome=Training.DEFERRED, why=why)
    shadow = in_shadow(state)
    if shadow is not None and shadow.version == version:
        return scoring.waiting(shadow, key)
    return _trained(version, key, planned.why)


@dataclass(frozen=True, kw_only=True)
class SliceRun:
    """What all steps for a slice came to; each is None when the run ended before it.

    Attributes:
        validated: there in each run.
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
    """All steps for one slice, one after the other; an intake has but two.

    Args:
        report: gets a line on each step but the last: what the run came to is its `decision` and `why`.
    """

    def said(step: str, lines: list[str]) -> None:
        report(f"{step}: " + "\n  ".join(lines))

    pulled = pull(pipeline, store, key)
    said("pulled", messages.pulled(pulled))
    validated = validate(pipeline, store, key, pulled.revision)
    if not isinstance(pipeline, Pipeline):
        return SliceRun(validated=validated)
    verdict = messages.validated(validated)
    # of what is not accepted, the decision has the reasons
    said("validated", verdict if validated.trainable else verdict[:1])
    decided = decide(pipeline, store, key)
    for changed in decided.changed_at_source:
        report(f"slice {changed} has changed at its source: {pull_command(pipeline.name, changed)}")
    if not decided.train:
        return SliceRun(validated=validated, decided=decided)
    said("decided", messages.decided(decided))
    trained = train(pipeline, store, key, report)
    version = trained.to_evaluate
    if version is None:
        return SliceRun(validated=validated, decided=decided, trained=trained)
    said("trained", messages.trained(trained))
    said("evaluated", messages.evaluated(evaluate(pipeline, store, version)))
    settled = promote(pipeline, store, version)
    return SliceRun(validated=validated, decided=decided, trained=trained, settled=settled)


def _details(validated: Validated) -> tuple[str, ...]:
    """The reasons, unless the summary is made of them."""
    return () if validated.summary == "; ".join(validated.reasons) else validated.reasons


def _trained(version: VersionState, key: str, why: str) -> Trained:
    trained = version.trained
    if trained is None:
        raise TrainingDied(f"version {version.version} is {version.status.value}, not trained")
    return Trained(
        key=key,
        version=version.version,
        outcome=Training.TRAINED,
        why=why,
        step=trained.step,
        stopped_by=trained.stopped_by,
        checkpoints=trained.checkpoints,
    )


__all__ = ["SliceRun", "decide", "evaluate", "promote", "pull", "run_slice", "train", "validate"]
