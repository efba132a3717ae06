"""How far the champion is from a model trained from scratch on all slices that it consumed.

A model that is updated slice by slice may fall behind one that sees everything at once, or do
better. An audit trains the second one, in a process of its own, and writes nothing to the store.
"""

from __future__ import annotations

import math
import sys
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from functools import partial
from typing import Any

from ckpt_ops import checks
from ckpt_ops.candidates.as_served.asked import Scores
from ckpt_ops.candidates.as_served.version import predictions_of
from ckpt_ops.candidates.champion import labels_of, score
from ckpt_ops.candidates.data import TrainingData, load_data
from ckpt_ops.candidates.given import given_for
from ckpt_ops.candidates.proposal import candidate_of
from ckpt_ops.candidates.session import TrainingSession
from ckpt_ops.candidates.settings import steps_of_a_pass
from ckpt_ops.candidates.slice_rows import StoredRows
from ckpt_ops.diagnostics.retrain import NOTHING_WRITTEN, died_without_a_trace, retrain
from ckpt_ops.errors import BadInput, NotAsServed
from ckpt_ops.evaluation import metric_of_key
from ckpt_ops.evaluation.bootstrap import paired_bootstrap
from ckpt_ops.lineage import LineageState, ModelLog, VersionState
from ckpt_ops.lineage.records import CandidateStarted, SliceRef
from ckpt_ops.outputs import of_output, output_in
from ckpt_ops.pipeline.code.digests import digests_of
from ckpt_ops.pipeline.model_work import ModelRequest, run_work
from ckpt_ops.pipeline.pipeline import Pipeline
from ckpt_ops.store import Store
from ckpt_ops.training import Budget, NoReplay
from ckpt_ops.worker import Note, Progress, tell

_NOT_THE_SAME = (
    "the pipeline sets Numerics(deterministic=False): the model from scratch comes out a little different "
    "each time, which the interval does not hold"
)


@dataclass(frozen=True, kw_only=True)
class Audit:
    """What is compared, and by which metric.

    Attributes:
        metric: by the name that gates give it; of an output `click:auc`.
        newest: how many of the newest slices that the champion consumed give held-out rows.
        epochs: passes of the model from scratch over all of them. More than in an update, which goes on
            from a trained model.
    """

    metric: str = "auc"
    newest: int = 4
    epochs: int = 4

    def __post_init__(self) -> None:
        metric_of_key(self.metric)
        for name in ("newest", "epochs"):
            checks.whole(name, getattr(self, name))


def consumed(state: LineageState) -> tuple[SliceRef, ...]:
    """The slices that the head consumed, oldest first. Raises `BadInput`: there is no head."""
    if state.head is None:
        raise BadInput("model", state.model, "a model with a version in production")
    return tuple(state.consumed[key] for key in sorted(state.consumed))


@dataclass(frozen=True, kw_only=True)
class OfChampion:
    """The champion: its value, and what all its updates together took."""

    version: int
    value: float
    steps: int
    seconds: float
    updates: int


@dataclass(frozen=True, kw_only=True)
class OfScratch:
    """The model that was trained from scratch."""

    value: float
    steps: int
    seconds: float


@dataclass(frozen=True, kw_only=True)
class Audited:
    """What an audit found.

    Attributes:
        delta: champion minus the other, with `confidence` between `low` and `high`.
        rows, on: how many rows were measured, and the slices that they come from.
        slices: how many slices the head consumed.
        max_steps: of a retraining that is like the model from scratch, and sees every row.
        note: what a person should know about it; "": nothing.
    """

    model: str
    metric: str
    delta: float
    low: float
    high: float
    confidence: float
    champion: OfChampion
    from_scratch: OfScratch
    rows: int
    on: tuple[str, ...]
    slices: int
    max_steps: int
    note: str = ""

    @property
    def verdict(self) -> str:
        """The verdict, as a sentence."""
        champion, scratch = self.champion, self.from_scratch
        if self.low <= 0 <= self.high:
            verdict = "cannot be told from"
        else:
            better = metric_of_key(self.metric).improvement(self.delta) > 0
            verdict = "is better than" if better else "is worse than"
        return (
            f"version {champion.version} {verdict} a model trained from scratch on all it consumed: "
            f"{self.metric} {champion.value:.4f} against {scratch.value:.4f}, a difference of "
            f"{self.delta:+.4f} ({self.confidence:.0%}: {self.low:+.4f} to {self.high:+.4f}); all its "
            f"updates together took {champion.steps / scratch.steps:.1f} times the steps of that one training"
        )

    @property
    def advice(self) -> str | None:
        """The command that trains such a model for production; None unless it is better for sure."""
        better = metric_of_key(self.metric).improvement(self.delta) < 0
        if self.low <= 0 <= self.high or not better:
            return None
        return (
            f"ckpt-ops retrain {self.model} --from-scratch --max-steps {self.max_steps} --why TEXT trains "
            "such a model, and promotes it if it passes the gates"
        )

    def to_json(self) -> dict[str, Any]:
        return {**asdict(self), "on": list(self.on), "verdict": self.verdict, "advice": self.advice}


@dataclass(frozen=True, kw_only=True)
class AuditRequest(ModelRequest):
    """Audit the head, which is `version`."""

    asked: Audit


def run_audit(
    pipeline: Pipeline,
    store: Store,
    head: int,
    asked: Audit,
    progress: Callable[[Progress], None],
) -> Audited:
    """Audit in a process of its own; returns what `audit` does.

    Raises:
        TrainingDied: the process ended without an answer.
        CkptOpsError: what restoring, training or measuring raised, as it raised it.
    """
    request = AuditRequest(pipeline=pipeline.name, store=store.url, version=head, asked=asked)
    died = died_without_a_trace(f"the audit of {pipeline.name}")
    return run_work(audit_apart, request, pipeline, named="audit", progress=progress, died=died)


def audit_apart(request: AuditRequest) -> Audited:
    """As `audit`."""
    return audit(*request.opened(), request.asked)


def audit(pipeline: Pipeline, store: Store, asked: Audit) -> Audited:
    """Train a model from scratch on all that the head consumed, and measure both on the same held-out rows.

    Raises:
        BadInput: there is no head.
        ObjectNotFound: a slice revision that it consumed is gone.
        NotAsServed: the head cannot predict as it is served.
        UndefinedMetric: the metric has no value on those rows.
    """
    state = ModelLog(store, pipeline.name).state()
    slices = consumed(state)
    newest = slices[-asked.newest :]
    session = TrainingSession(pipeline, store, given=given_for(pipeline, store, state, None, slices))
    over = _version(pipeline, state, newest)
    data = load_data(session.pipeline, store, over, {}, code=session.columns_of)
    evaluated = data.holdout
    output, groups = output_in(asked.metric), evaluated.groups
    labels = of_output(labels_of(evaluated), output)
    metric = metric_of_key(asked.metric)
    champion = of_output(_as_served(session.pipeline, store, state, over, data), output)
    of_champion = metric(labels, champion, groups=groups)  # before anything is trained: it may have no value
    session.restore_at(None)
    tell(Note(text=f"training on {len(slices)} slices from scratch"))
    session.pipeline = replace(
        session.pipeline,
        replay=NoReplay(),
        budget=Budget(
            max_steps=sys.maxsize,
            max_seconds=math.inf,
            max_epochs=asked.epochs,
            min_steps=pipeline.budget.min_steps,
        ),
    )
    trained = retrain(session, state, _version(pipeline, state, slices))
    (cold,) = (of_output(one, output) for one in session.served([evaluated]))
    difference = paired_bootstrap(metric, labels, champion, cold, groups=groups, seed=pipeline.seed)
    updates = [one.trained for one in state.ancestry(state.head) if one.trained is not None]
    return Audited(
        model=pipeline.name,
        metric=asked.metric,
        delta=difference.delta,
        low=difference.low,
        high=difference.high,
        confidence=difference.confidence,
        champion=OfChampion(
            version=state.head or 0,
            value=of_champion,
            steps=sum(one.step for one in updates),
            seconds=math.fsum(one.seconds for one in updates),
            updates=len(updates),
        ),
        from_scratch=OfScratch(
            value=metric(labels, cold, groups=groups), steps=trained.step, seconds=trained.seconds
        ),
        rows=evaluated.rows,
        on=tuple(ref.key for ref in newest),
        slices=len(slices),
        max_steps=max(trained.step, steps_of_a_pass(pipeline, slices)),
        note="" if pipeline.numerics.deterministic else _NOT_THE_SAME,
    )


def _as_served(
    pipeline: Pipeline, store: Store, state: LineageState, over: VersionState, data: TrainingData
) -> Scores:
    """The head's predictions on the rows held out of `data`."""
    ask = partial(predictions_of, pipeline, store, state, state.head or 0)
    champion = score(ask, pipeline, StoredRows(pipeline, store), over, data, unseen=())
    if champion.holdout is None:
        raise NotAsServed(
            champion.missing,
            safe=NOTHING_WRITTEN,
            next="restore what it needs; its evaluation shows how good it was when it was promoted",
        )
    return champion.holdout


def _version(pipeline: Pipeline, state: LineageState, slices: tuple[SliceRef, ...]) -> VersionState:
    """A first version with `slices`, which never gets into the log."""
    return VersionState.opened(
        CandidateStarted(
            version=state.next_version,
            candidate=candidate_of(pipeline, state, None, slices, digests=digests_of(pipeline)),
            parent=None,
            slices=slices,
        )
    )
