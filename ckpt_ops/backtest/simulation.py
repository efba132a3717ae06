"""One policy's history, as production would have made it: the planner, the facts, the gates, the holds.

The state is the real one, folded of records that are appended to nothing. What a model does comes from a
`Models`: the real ones, or a stand-in of a test.
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
    """What the training of a candidate came to, and what the gates say of it.

    Attributes:
        seconds: of stepping.
    """

    steps: int
    seconds: float
    stopped_by: str
    evaluation: Evaluation


class Models(Protocol):
    """Models by candidate id, which stands for all that one has learned, in order."""

    def score(self, candidate: str, ref: SliceRef) -> Mapping[str, float]:
        """The metrics of a trained candidate on every row of a slice; those without a value are left out."""
        ...

    def drift(self, state: LineageState, ref: SliceRef, need: DriftNeed) -> Mapping[str, ColumnDrift]:
        """How far a slice is from the newest that the head of `state` consumed, by column."""
        ...

    def train(self, state: LineageState, version: VersionState) -> Result:
        """Train `version`, open in `state`, on its parent, and evaluate it against that."""
        ...

    def only(self, candidates: Iterable[str]) -> None:
        """No others will be asked for any more."""
        ...


class Outcome(Enum):
    """What became of a slice when it came."""

    PROMOTED = "promoted"
    REFUSED = "refused"
    DEFERRED = "deferred"
    HELD = "held"


@dataclass(frozen=True, kw_only=True)
class Event:
    """What happened when a slice came.

    Attributes:
        scored: the head's metrics on all of its rows, before anything trained on them; None: no head yet.
        why: in words.
        candidate: the id of what was trained; "" for nothing.
        steps, seconds: of that training, whoever did it.
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
    """A policy, the state that it has led to, and how.

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
        """Let a slice come; what happened is the last of `events` then."""
        said = _Said(self.state, slice_.time)
        said.add(SliceAccepted(slice=slice_.ref, released=slice_.released, time=said.time))
        scored = models.score(self.head, slice_.ref) if self.head is not None else None
        proposal = propose(self.pipeline, said.state, slice_.ref.key, digests=self.digests)
        planned, candidate = proposal.plan, proposal.candidate
        if planned.action is Action.HOLD:
            event = _held(said, planned, scored)
        else:
            decision = _asked(self.pipeline, said.state, planned, scored, slice_.time, models)
            if decision.due and candidate is not None:
                known = {event.key: event.scored or {} for event in self.events}
                scores = {ref.key: known.get(ref.key, scored or {}) for ref in planned.slices}
                event = _trained(said, candidate, scores, models, decision)
                event = replace(event, scored=scored)
            else:
                event = _deferred(said, slice_.ref, scored, decision)
        self.state = said.state
        self.events.append(event)
        return event


class _Said:
    """A state and what is said in it, all at one time."""

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
    """As a run asks: without the score at first, and again with it unless no update is due anyhow."""
    policy, slices, now = pipeline.update_when, planned.slices, time.timestamp()
    decision = answer(policy, state, slices, models.drift, now=now)
    if decision.due is False or scored is None:
        return decision
    return answer(policy, state, slices, models.drift, score=scored, now=now)


def _held(said: _Said, planned: Plan, scored: Mapping[str, float] | None) -> Event:
    if said.state.held is None:
        said.add(Held(reason=planned.why, time=said.time))
    return Event(key=planned.key, scored=scored, outcome=Outcome.HELD, why=planned.why)


def _deferred(said: _Said, ref: SliceRef, scored: Mapping[str, float] | None, decision: Decision) -> Event:
    numbers = dict(decision.numbers)
    said.add(UpdateDeferred(slice=ref, numbers=numbers, reason=decision.message, time=said.time))
    return Event(key=ref.key, scored=scored, outcome=Outcome.DEFERRED, why=decision.message)


def _trained(
    said: _Said,
    candidate: Candidate,
    scores: Mapping[str, Mapping[str, float]],
    models: Models,
    decision: Decision,
) -> Event:
    number, champion = candidate.version, candidate.parent
    said.add(replace(candidate.record(), shadow=0, time=said.time))  # it is settled at once
    result = models.train(said.state, said.state.versions[number])
    slices = said.state.versions[number].slices
    for record in _records(number, champion, result, slices, scores, said.time):
        said.add(record)
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
