"""Histories lived through: which candidates there were, and what each damaged week did to production.

The decisions are the product's: planner, update policy, gates, rejections, holds. A story with one damaged
week goes on from the clean one's state before it, so that both heads can be compared week by week.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from statistics import fmean

from benchmarks.gates_damage import DAMAGES
from benchmarks.gates_histories import AHEAD, CLEAN, Story
from benchmarks.gates_judging import Judgement
from benchmarks.gates_models import WeekModels
from benchmarks.gates_ways import Way
from ckpt_ops.backtest.recorded import Arrival
from ckpt_ops.backtest.simulation import Event, History, Outcome
from ckpt_ops.lineage import LineageState, fold
from ckpt_ops.lineage.records import Record, Released, SliceAccepted, SliceWithdrawn
from ckpt_ops.pipeline import Pipeline
from ckpt_ops.pipeline.code.digests import digests_of

PATIENCE = 4
"""Weeks that a good one may wait: who has waited longer at the end was set aside."""


@dataclass(frozen=True, kw_only=True)
class Candidate:
    """A judgement, and the story it is of.

    Attributes:
        of: the damage among what the candidate consumed itself; "inherited" where its champion had learned
            some; else the world, or CLEAN.
        position: of the first damaged week among its own: "alone", "first", "middle", "last"; else "".
    """

    kind: str
    every: int
    of: str
    position: str
    judgement: Judgement


@dataclass(frozen=True, kw_only=True)
class Poison:
    """A damaged week, and what came of it.

    Attributes:
        learned: it is in what the head has learned at the end.
        fall: head's AUC less that of the clean history's, mean over the four weeks behind the first decision
            on it; `worst` in one of them.
        held: weeks at which nothing could be trained since.
    """

    kind: str
    every: int
    of: str
    week: int
    position: str
    consumed: bool
    fall: float
    worst: float
    held: int


@dataclass(frozen=True, kw_only=True)
class Weeks:
    """The good weeks of a story.

    Attributes:
        came: how many; `early` enough to tell at the end which were set aside.
        refused: at whose coming a candidate was refused.
        held: at whose coming the model was held.
        set_aside: of the `early` ones, those that the head had not learned at the end.
    """

    kind: str
    every: int
    of: str
    came: int
    early: int
    refused: int
    held: int
    set_aside: int


@dataclass(frozen=True, kw_only=True)
class Step:
    """What a week came to.

    Attributes:
        judgement: of the candidate that was trained then and had a champion.
    """

    event: Event
    state: LineageState
    head: str | None
    judgement: Judgement | None


@dataclass(frozen=True, kw_only=True)
class Found:
    """What one way of evaluating did with one seed."""

    candidates: list[Candidate]
    poisons: list[Poison]
    weeks: list[Weeks]


def run(
    stories: Sequence[Story], models: WeekModels, way: Way, *, seed: int, tell: Callable[[Story, str], None]
) -> Found:
    """Live through all of them; each with its clean one before it."""
    found = Found(candidates=[], poisons=[], weeks=[])
    clean: list[Step] = []
    for story in stories:
        pipeline = way.pipeline(every=story.every, seed=seed)
        steps = lived(story, clean[: story.begins], pipeline, models)
        if story.kind == CLEAN:
            clean = steps
        new = steps[story.begins :]
        found.candidates.extend(_candidate(story, one.judgement) for one in new if one.judgement is not None)
        found.weeks.append(_weeks(story, steps))
        for week in story.damaged:
            found.poisons.append(_poison(story, week, steps, clean, models, way.shadow))
        models.only({one.head for one in clean if one.head is not None})
        tell(story, _message(new))
    return found


def lived(story: Story, before: Sequence[Step], pipeline: Pipeline, models: WeekModels) -> list[Step]:
    """By week, also those that lie `before` it.

    A hold is lifted before the next week comes by a person who knows which suspect slices are damaged.
    Not where one damaged week is followed: there it stays, for what a person would do about it.
    """
    steps = list(before)
    scored = {one.event.key: one.event.scored for one in steps if one.event.scored is not None}
    models.follow(story, scored)
    state = steps[-1].state if steps else LineageState(model=pipeline.name)
    history = History(name=story.name, pipeline=pipeline, state=state, digests=digests_of(pipeline))
    for week in range(len(steps), story.ends + 1):
        ref = models.delivered(week).ref
        event = history.comes(Arrival(ref=ref, time=_complete(ref.key)), models)
        if event.outcome is Outcome.HELD and story.kind != "damaged":
            said = _decided(story, history.state, models, time=_complete(ref.key).isoformat())
            history.state = fold(history.state.model, said, after=history.state)
        steps.append(
            Step(
                event=event,
                state=history.state,
                head=history.head,
                judgement=models.judgements.get(event.candidate),
            )
        )
    return steps


def _decided(story: Story, state: LineageState, models: WeekModels, *, time: str) -> list[Record]:
    """What a person says when the model is on hold."""
    damaged = {models.delivered(week).ref for week in story.damaged}
    said: list[Record] = [Released(reason="looked at", time=time)] if state.held is not None else []
    for ref in state.suspect():
        if ref in damaged:
            said.append(SliceWithdrawn(slice=ref, reason="damaged", time=time))
        else:
            said.append(SliceAccepted(slice=ref, released=True, reason="nothing is wrong with it", time=time))
    return said


def head_at(steps: Sequence[Step], week: int, shadow: int) -> str | None:
    """What serves while a week comes: of the decisions that were known by then."""
    at = week - 1 - shadow
    return steps[at].head if at >= 0 else None


def position(weeks: Sequence[int], week: int) -> str:
    """Where a week lies among those of a candidate."""
    if len(weeks) == 1:
        return "alone"
    return "first" if week == weeks[0] else "last" if week == weeks[-1] else "middle"


def _complete(key: str) -> datetime:
    return datetime.fromisoformat(key).replace(tzinfo=UTC) + timedelta(days=7)


def _candidate(story: Story, judgement: Judgement) -> Candidate:
    damaged = judgement.damaged
    if damaged:
        of = story.comes(damaged[0])
    elif judgement.inherited:
        of = "inherited"
    else:
        of = story.true(judgement.weeks[-1])
    at = position(judgement.weeks, damaged[0]) if damaged else ""
    return Candidate(kind=story.kind, every=story.every, of=of, position=at, judgement=judgement)


def _weeks(story: Story, steps: Sequence[Step]) -> Weeks:
    good = [week for week in range(story.begins, len(steps)) if story.comes(week) not in DAMAGES]
    early = [week for week in good if week + PATIENCE < len(steps)]
    outcome = {week: steps[week].event.outcome for week in good}
    consumed = steps[-1].state.consumed
    return Weeks(
        kind=story.kind,
        every=story.every,
        of=story.name,
        came=len(good),
        early=len(early),
        refused=sum(one is Outcome.REFUSED for one in outcome.values()),
        held=sum(one is Outcome.HELD for one in outcome.values()),
        set_aside=sum(steps[week].event.key not in consumed for week in early),
    )


def _poison(
    story: Story, week: int, steps: Sequence[Step], clean: Sequence[Step], models: WeekModels, shadow: int
) -> Poison:
    trained = [
        (at, one.judgement)
        for at, one in enumerate(steps)
        if at >= week and one.judgement is not None and week in one.judgement.weeks
    ]
    first = (trained[0][0] if trained else week) + shadow + 1
    falls = []
    for later in range(first, min(first + AHEAD, len(steps) + shadow + 1)):
        head, beside = head_at(steps, later, shadow), head_at(clean, later, shadow)
        if head is not None and beside is not None:
            falls.append(models.auc(head, later) - models.auc(beside, later))
    return Poison(
        kind=story.kind,
        every=story.every,
        of=story.comes(week),
        week=week,
        position=position(trained[0][1].weeks, week) if trained else "",
        consumed=steps[week].event.key in steps[-1].state.consumed,
        fall=fmean(falls) if falls else 0.0,
        worst=min(falls, default=0.0),
        held=sum(one.event.outcome is Outcome.HELD for one in steps[week:]),
    )


def _message(steps: Sequence[Step]) -> str:
    count = {outcome: sum(one.event.outcome is outcome for one in steps) for outcome in Outcome}
    return ", ".join(f"{number} {outcome.value}" for outcome, number in count.items() if number)
