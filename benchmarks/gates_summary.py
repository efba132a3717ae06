"""What the histories come to, for each way of evaluating: plain arithmetic over what was found."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean

import numpy as np

from benchmarks.gates_damage import DAMAGES, WORLDS
from benchmarks.gates_histories import CLEAN
from benchmarks.gates_judging import Judgement
from benchmarks.gates_runs import Candidate, Found, Poison, Weeks

BESIDE = "beside damage"
HARM = -0.01
"""A candidate that is worse by more over the four weeks after it is harmful; a fall of more is one."""


@dataclass(frozen=True, kw_only=True)
class Share:
    """Some of several."""

    count: int
    of: int

    @property
    def value(self) -> float | None:
        return self.count / self.of if self.of else None


@dataclass(frozen=True, kw_only=True)
class Agreement:
    """Claims beside what was true.

    Attributes:
        correlation: None where one of the two does not vary.
        same_sign: better, worse or equal, of all candidates.
    """

    candidates: int
    claim: float
    truth: float
    correlation: float | None
    same_sign: Share


@dataclass(frozen=True, kw_only=True)
class Price:
    """Of one decision, on average.

    Attributes:
        held_out: share of all rows on which nothing ever trains.
        days: that it waits for slices to come.
        seconds: of predicting with both models and of evaluating.
    """

    rows: float
    past_rows: float
    held_out: float
    days: int
    seconds: float


@dataclass(frozen=True, kw_only=True)
class Falls:
    """Of the head, caused by damaged weeks that it learned, on the four good weeks behind the decision.

    One that was set aside is left out: beside a head that learned the week as it was, one that did not has
    less to go by, which is no harm that a gate could keep away.

    Attributes:
        learned: damaged weeks that the head had learned in the end.
        harmed: those of them after which it fell by more than `HARM` on average.
        largest: the worst mean over four weeks; `worst`: in one week.
    """

    consumed: Share
    harmed: Share
    mean: float
    largest: float
    worst: float


@dataclass(frozen=True, kw_only=True)
class Line:
    """A way of evaluating.

    Attributes:
        rejected: of harmful candidates; by what they learned, "damaged" for those that learned a damaged week
            themselves, and "all".
        promoted: of candidates that learned only good weeks, whose champions did, too; by world, those of
            histories with damage for themselves, and "all".
        set_aside: of good weeks; by kind of history. `held` likewise: at whose coming the model was held.
        falls: by damage, and "all"; `falls_by_position` of the damaged week in its group.
        agreement: of candidates that learned only good weeks, and of all.
    """

    way: str
    seeds: int
    rejected: Mapping[str, Share]
    promoted: Mapping[str, Share]
    set_aside: Mapping[str, Share]
    held: Mapping[str, Share]
    falls: Mapping[str, Falls]
    falls_by_position: Mapping[str, Falls]
    agreement: Mapping[str, Agreement]
    price: Price


def summarize(way: str, found: Sequence[Found], *, held_out: float, days: int) -> Line:
    """One way, over all seeds."""
    candidates = [one for each in found for one in each.candidates]
    poisons = [one for each in found for one in each.poisons]
    weeks = [one for each in found for one in each.weeks]
    return Line(
        way=way,
        seeds=len(found),
        rejected=_rejected(candidates),
        promoted=_promoted(candidates),
        set_aside=_of_weeks(weeks, lambda one: Share(count=one.set_aside, of=one.early)),
        held=_of_weeks(weeks, lambda one: Share(count=one.held, of=one.came)),
        falls=_falls(poisons, lambda one: one.of, list(DAMAGES)),
        falls_by_position=_falls(poisons, lambda one: one.position, ["alone", "first", "middle", "last"]),
        agreement={
            "good": agreement([one.judgement for one in candidates if good(one)]),
            "all": agreement([one.judgement for one in candidates]),
        },
        price=_price([one.judgement for one in candidates], held_out, days),
    )


def harmful(judgement: Judgement) -> bool:
    """Whether production would have been worse with it."""
    return judgement.truth < HARM


def good(candidate: Candidate) -> bool:
    """It learned nothing damaged, and its champion neither."""
    return candidate.of == CLEAN or candidate.of in WORLDS


def agreement(judgements: Iterable[Judgement]) -> Agreement:
    """Of those whose rows have a claim."""
    pairs = [(one.claim, one.truth) for one in judgements if math.isfinite(one.claim)]
    claim, truth = (np.array(side) for side in zip(*pairs, strict=True)) if pairs else (np.empty(0),) * 2
    varies = len(pairs) > 1 and claim.std() > 0 and truth.std() > 0
    return Agreement(
        candidates=len(pairs),
        claim=float(claim.mean()) if pairs else math.nan,
        truth=float(truth.mean()) if pairs else math.nan,
        correlation=float(np.corrcoef(claim, truth)[0, 1]) if varies else None,
        same_sign=Share(count=int((np.sign(claim) == np.sign(truth)).sum()), of=len(pairs)),
    )


def _rejected(candidates: Sequence[Candidate]) -> dict[str, Share]:
    harm = [one for one in candidates if harmful(one.judgement)]

    def share(of: Iterable[Candidate]) -> Share:
        passed = [one.judgement.passed for one in of]
        return Share(count=passed.count(False), of=len(passed))

    names = [*DAMAGES, "inherited", CLEAN, *WORLDS]
    return {name: share(one for one in harm if one.of == name) for name in names} | {
        "damaged": share(one for one in harm if one.of in DAMAGES),
        "all": share(harm),
    }


def _promoted(candidates: Sequence[Candidate]) -> dict[str, Share]:
    def share(of: Iterable[Candidate]) -> Share:
        passed = [one.judgement.passed for one in of]
        return Share(count=passed.count(True), of=len(passed))

    fine = [one for one in candidates if good(one)]
    return {
        CLEAN: share(one for one in fine if one.kind == CLEAN),
        **{name: share(one for one in fine if one.of == name) for name in WORLDS},
        BESIDE: share(one for one in fine if one.kind in ("damaged", "often")),
        "all": share(fine),
    }


def _of_weeks(weeks: Sequence[Weeks], share: Callable[[Weeks], Share]) -> dict[str, Share]:
    found = {}
    for kind in dict.fromkeys(one.kind for one in weeks):
        shares = [share(one) for one in weeks if one.kind == kind]
        found[kind] = Share(count=sum(one.count for one in shares), of=sum(one.of for one in shares))
    return found


def _falls(
    poisons: Sequence[Poison], part: Callable[[Poison], str], names: Sequence[str]
) -> dict[str, Falls]:
    parts = {name: [one for one in poisons if part(one) == name] for name in names} | {"all": list(poisons)}
    return {
        name: Falls(
            consumed=Share(count=len(consumed), of=len(of)),
            harmed=Share(count=sum(one.fall < HARM for one in consumed), of=len(consumed)),
            mean=fmean(one.fall for one in consumed) if consumed else 0.0,
            largest=min((one.fall for one in consumed), default=0.0),
            worst=min((one.worst for one in consumed), default=0.0),
        )
        for name, of in parts.items()
        if of
        for consumed in [[one for one in of if one.consumed]]
    }


def _price(judgements: Sequence[Judgement], held_out: float, days: int) -> Price:
    def mean(values: Iterable[float]) -> float:
        there = list(values)
        return fmean(there) if there else math.nan

    return Price(
        rows=mean(one.rows for one in judgements),
        past_rows=mean(one.past_rows for one in judgements),
        held_out=held_out,
        days=days,
        seconds=mean(one.seconds for one in judgements),
    )
