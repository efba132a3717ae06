"""When a save is due."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ckpt_ops.checkpoints import Automatic, EverySeconds, EverySteps, FirstOf, SinceSave
from ckpt_ops.checkpoints.stall import StallMeter
from ckpt_ops.checkpoints.triggers import of_several
from ckpt_ops.errors import BadInput

seconds = st.floats(1e-3, 1e5)


def since(steps: int = 0, seconds: float = 0.0, stall: float | None = None) -> SinceSave:
    return SinceSave(steps=steps, seconds=seconds, stall=stall)


def test_steps_and_seconds_are_due_at_their_number_and_not_before() -> None:
    assert [EverySteps(3).due(since(steps=steps)) for steps in (2, 3, 4)] == [False, True, True]
    assert [EverySeconds(5).due(since(seconds=passed)) for passed in (4.9, 5.0)] == [False, True]


def test_the_first_of_several_decides() -> None:
    either = FirstOf(EverySteps(100), EverySeconds(30))
    assert not either.due(since(steps=99, seconds=29))
    assert either.due(since(steps=100, seconds=0))
    assert either.due(since(steps=1, seconds=30))


def test_before_a_save_was_measured_an_automatic_one_comes_after_its_first_seconds() -> None:
    trigger = Automatic(failure_every=86_400, first=30)
    assert not trigger.due(since(seconds=29))
    assert trigger.due(since(seconds=30))


def test_the_interval_is_dalys() -> None:
    # Daly (2006), equation 37, by hand: sqrt(2*5*3600) * (1 + sqrt(5/7200)/3 + 5/7200/9) - 5
    interval = Automatic(failure_every=3_600, overhead=0.9).interval(5)
    assert interval == pytest.approx(189.7367 * (1 + 0.0263523 / 3 + 0.000694444 / 9) - 5, rel=1e-5)


def test_an_interval_near_youngs_for_rare_failures() -> None:
    interval = Automatic(failure_every=1e6, overhead=0.9).interval(0.5)
    assert interval == pytest.approx(math.sqrt(2 * 0.5 * 1e6), rel=0.01)


@given(stall=seconds, failure_every=seconds, overhead=st.floats(0.001, 0.5))
def test_saving_never_costs_more_than_the_overhead_allows(
    stall: float, failure_every: float, overhead: float
) -> None:
    interval = Automatic(failure_every=failure_every, overhead=overhead).interval(stall)
    assert stall / (interval + stall) <= overhead * (1 + 1e-9)


@given(seconds, seconds)
def test_a_costlier_save_is_never_made_more_often(one: float, other: float) -> None:
    trigger = Automatic(failure_every=3_600)
    cheap, dear = sorted((one, other))
    assert trigger.interval(cheap) <= trigger.interval(dear) * (1 + 1e-9)


@pytest.mark.parametrize(
    ("make", "field"),
    [
        (lambda: EverySteps(0), "EverySteps.steps"),
        (lambda: EverySeconds(-1), "EverySeconds.seconds"),
        (lambda: FirstOf(), "FirstOf"),
        (lambda: Automatic(failure_every=0), "failure_every"),
        (lambda: Automatic(failure_every=math.inf), "failure_every"),
        (lambda: Automatic(failure_every=60, overhead=1), "overhead"),
        (lambda: Automatic(failure_every=60, first=0), "first"),
    ],
)
def test_what_makes_no_sense_is_refused_by_name(make: object, field: str) -> None:
    with pytest.raises(BadInput, match=field):
        make()  # type: ignore[operator]


def test_a_stall_is_what_steps_beside_a_save_took_beyond_the_usual() -> None:
    meter = StallMeter()
    for _ in range(10):
        meter.step(0.1, saving=False)
    assert meter.seconds is None
    for took in (0.3, 0.15):
        meter.step(took, saving=True)
    assert meter.seconds is None, "the save is still under way"
    meter.step(0.1, saving=False)
    assert meter.seconds == pytest.approx(0.25)


def test_a_stall_is_never_negative_and_one_slow_save_does_not_decide() -> None:
    meter = StallMeter()
    meter.step(0.1, saving=False)
    for took in (0.05, 0.2, 5.0):
        meter.step(took, saving=True)
        meter.step(0.1, saving=False)
    assert meter.seconds == pytest.approx(0.1)


@given(stall=st.floats(0.001, 5), day=st.floats(3600, 1e6), workers=st.integers(2, 64))
def test_where_several_train_a_failure_comes_as_many_times_as_often(
    stall: float, day: float, workers: int
) -> None:
    """Each of them ends the work of all, so the interval is that of a machine which fails so often."""
    of_one = Automatic(failure_every=day, overhead=0.9)
    of_all = of_several(of_one, workers)
    assert of_all == Automatic(failure_every=day / workers, overhead=0.9)
    assert isinstance(of_all, Automatic)
    assert of_all.interval(stall) <= of_one.interval(stall)
    both = of_several(FirstOf(EverySteps(7), of_one), workers)
    assert both == FirstOf(EverySteps(7), of_all)


def test_steps_and_seconds_stay_what_they_are_however_many_train() -> None:
    assert [of_several(one, 4) for one in (EverySteps(7), EverySeconds(9))] == [
        EverySteps(7),
        EverySeconds(9),
    ]
