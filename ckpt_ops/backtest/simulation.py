"""One policy's history, as production would have made it: the planner, the facts, the gates, the holds.

The state is a real one, folded from records that are written nowhere. What a model does comes from a
`Models`: the real ones, or a stand-in in a test.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import Enum
from typing import Protocol

from ckpt_ops.backtest.recorded import Arrival
from ckpt_ops.candidates.policy import answer
from ckpt_ops.candidates.proposal import Candidate, propose
from ckpt_ops.evaluation import Evaluation
from ckpt_ops.lineage import Action, LineageState, Plan, VersionState, fold
from ckpt_ops.lineage.records import (
    CandidateTrained,
    Evaluated,
    Held,
    Promoted,
    Record,
    Rejected,
    SliceAccepted,
    SliceRef,
    UpdateDeferred,
)
from ckpt_ops.pipeline.code.digests import Digests
from ckpt_ops.pipeline.pipeline import Pipeline
from ckpt_ops.policies import ColumnDrift, Decision, DriftNeed


@dataclass(frozen=True, kw_only=True)
class Result:
    """The training of a candidate, and the verdict of the gates.

    Attributes:
        seconds: of stepping.
    """

    steps: int
    seconds: float
    stopped_by: str
    evaluation: Evaluation


class Models(Protocol):
    """Models by candidate id, which identifies all that a model consumed, in order."""

    def score(self, candidate: str, ref: SliceRef) -> Mapping[str, float]:
        """The metrics of a trained candidate on every row of a slice; those without a value are left out."""
        ...

    def drift(self, state: LineageState, ref: SliceRef, need: DriftNeed) -> Mapping[str, ColumnDrift]:
        """How far a slice is from the newest that the head of `state` consumed, by column."""
        ...

    def train(self, state: LineageState, version: VersionState) -> Result:
        """Train `version`, open in `state`, from its parent, and evaluate it against that."""
        ...

    def only(self, candidates: Iterable[str]) -> None:
        """Only these will be needed from now on."""
        ...


class Outcome(Enum):
    """The outcome for a slice when it arrived."""

    PROMOTED = "promoted"
    REFUSED = "refused"
    DEFERRED = "deferred"
    HELD = "held"


@dataclass(frozen=True, kw_only=True)
class Event:
    """What happened when a slice arrived.

    Attributes:
        scored: the head's metrics on all of its rows, before anything trained on them; None: no head yet.
        why: the reason, as text.
        candidate: the id of what was trained; "" for nothing.
        steps, seconds: of that training, whichever policy trained it.
    """

    key: str
    scored: Mapping[str, float] | None
    outcome: Outcome
    why: str
    candidate: str = ""
    steps: int = 0
    seconds: float = 0.0


@dataclass(kw_only=True)
class History:
    """A policy, the state that it led to, and the events on the way.

    Attributes:
        pipeline: under the policy.
        digests: of its code and libraries, computed once for the whole history.
    """

    name: str
    pipeline: Pipeline
    state: LineageState
    digests: Digests
    events: list[Event] = field(default_factory=list)

    @property
    def head(self) -> str | None:
        """The candidate id of the version in production."""
        return None if self.state.head is None else self.state.versions[self.state.head].candidate

    def comes(self, slice_: Arrival, models: Models) -> Event:
        """Let a slice arrive; the outcome is then the last of `events`."""
        recorder = _Recorder(self.state, slice_.time)
        recorder.add(SliceAccepted(slice=slice_.ref, released=slice_.released, time=recorder.time))
        scored = models.score(self.head, slice_.ref) if self.head is not None else None
        proposal = propose(self.pipeline, recorder.state, slice_.ref.key, digests=self.digests)
        planned, candidate = proposal.plan, proposal.candidate
        if planned.action is Action.HOLD:
            event = _held(recorder, planned, scored)
        else:
            decision = _asked(self.pipeline, recorder.state, planned, scored, slice_.time, models)
            if decision.due and candidate is not None:
                known = {event.key: event.scored or {} for event in self.events}
                scores = {ref.key: known.get(ref.key, scored or {}) for ref in planned.slices}
                event = _trained(recorder, candidate, scores, models, decision)
                event = replace(event, scored=scored)
            else:
                event = _deferred(recorder, slice_.ref, scored, decision)
        self.state = recorder.state
        self.events.append(event)
        return event


class _Recorder:
    """A state, and the records added to it, all at one time."""

    def __init__(self, state: LineageState, time: datetime) -> None:
        self.state, self.time = state, time.isoformat(timespec="milliseconds")

    def add(self, record: Record) -> None:
        self.state = fold(self.state.model, [record], after=self.state)


def _asked(
    pipeline: Pipeline,
    state: LineageState,
    planned: Plan,
    scored: Mapping[str, float] | None,
    time: datetime,
    models: Models,
) -> Decision:
    """As a run asks: first without the score, then with it unless no update is due anyway."""
    policy, slices, now = pipeline.update_when, planned.slices, time.timestamp()
    decision = answer(policy, state, slices, models.drift, now=now)
    if decision.due is False or scored is None:
        return decision
    return answer(policy, state, slices, models.drift, score=scored, now=now)


def _held(recorder: _Recorder, planned: Plan, scored: Mapping[str, float] | None) -> Event:
    if recorder.state.held is None:
        recorder.add(Held(reason=planned.why, time=recorder.time))
    return Event(key=planned.key, scored=scored, outcome=Outcome.HELD, why=planned.why)


def _deferred(
    recorder: _Recorder, ref: SliceRef, scored: Mapping[str, float] | None, decision: Decision
) -> Event:
    numbers = dict(decision.numbers)
    recorder.add(UpdateDeferred(slice=ref, numbers=numbers, reason=decision.message, time=recorder.time))
    return Event(key=ref.key, scored=scored, outcome=Outcome.DEFERRED, why=decision.message)


def _trained(
    recorder: _Recorder,
    candidate: Candidate,
    scores: Mapping[str, Mapping[str, float]],
    models: Models,
    decision: Decision,
) -> Event:
    number, champion = candidate.version, candidate.parent
    recorder.add(replace(candidate.record(), shadow=0, time=recorder.time))  # it is settled at once
    result = models.train(recorder.state, recorder.state.versions[number])
    slices = recorder.state.versions[number].slices
    for record in _records(number, champion, result, slices, scores, recorder.time):
        recorder.add(record)
    return Event(
        key=candidate.slices[-1].key,
        scored=None,
        outcome=_outcome(result.evaluation),
        why=f"{decision.message}; {result.evaluation.message}",
        candidate=candidate.id,
        steps=result.steps,
        seconds=result.seconds,
    )


def _outcome(evaluation: Evaluation) -> Outcome:
    if evaluation.passed:
        return Outcome.PROMOTED
    return Outcome.DEFERRED if evaluation.waits else Outcome.REFUSED


def _records(
    number: int,
    champion: int | None,
    result: Result,
    slices: Sequence[SliceRef],
    scores: Mapping[str, Mapping[str, float]],
    time: str,
) -> list[Record]:
    evaluation = result.evaluation
    metrics = {"candidate": dict(evaluation.candidate)}
    if evaluation.champion is not None:
        metrics["champion"] = dict(evaluation.champion)
    reason = evaluation.message
    settled: Record = Rejected(version=number, champion=champion, reason=reason, time=time)
    if evaluation.passed:
        settled = Promoted(version=number, champion=champion, reason=reason, time=time)
    elif evaluation.waits:
        settled = UpdateDeferred(slice=slices[-1], numbers={}, version=number, reason=reason, time=time)
    return [
        CandidateTrained(
            version=number,
            step=result.steps,
            stopped_by=result.stopped_by,
            checkpoints=0,
            manifest="",
            artifacts={},
            seconds=result.seconds,
            scores={key: dict(found) for key, found in scores.items() if found},
            time=time,
        ),
        Evaluated(
            version=number,
            champion=champion,
            passed=evaluation.passed,
            metrics=metrics,
            verdicts=tuple(f"{verdict.gate}: {verdict.message}" for verdict in evaluation.verdicts),
            waits=evaluation.waits,
            suspects=dict(evaluation.suspects),
            below_floor=dict(evaluation.below_floor),
            reason=evaluation.message,
            time=time,
        ),
        settled,
    ]
