"""How fast a training goes, how long it will take, and what saves cost it: numbers in, numbers out."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ckpt_ops.checkpoints import Automatic, EverySeconds, EverySteps, FirstOf
from ckpt_ops.checkpoints.stall import StallMeter
from ckpt_ops.checkpoints.triggers import seconds_between as between_saves
from ckpt_ops.training import Budget, Spent
from ckpt_ops.training.pace import WINDOW_SECONDS, Pace, seconds_between


class TestPace:
    def test_is_steps_over_seconds(self) -> None:
        pace = Pace(10, 100.0)
        assert pace.at(10, 100.0) is None, "no time has passed"
        assert pace.at(20, 102.0) == 5.0

    def test_forgets_what_was_long_ago(self) -> None:
        pace = Pace(0, 0.0)
        for second in range(1, 101):
            pace.at(second, float(second))  # one step a second
        for second in range(101, 121):
            found = pace.at(100 + 10 * (second - 100), float(second))
        assert found == pytest.approx(10.0)

    @given(st.lists(st.tuples(st.integers(0, 50), st.floats(0.01, 30)), min_size=1, max_size=60))
    def test_is_never_outside_what_was_seen(self, moves: list[tuple[int, float]]) -> None:
        pace, step, now = Pace(0, 0.0), 0, 0.0
        rates = []
        for steps, seconds in moves:
            step, now = step + steps, now + seconds
            rates.append(steps / seconds)
            found = pace.at(step, now)
            assert found is not None
            assert min(rates) * 0.999 <= found <= max(rates) * 1.001

    def test_few_lines_are_told_of_a_long_training(self) -> None:
        assert seconds_between(5.0) == 1.0
        assert seconds_between(3600.0) == 5.0
        assert seconds_between(3600.0) <= WINDOW_SECONDS


class TestSecondsLeft:
    def left(self, budget: Budget, steps: int, seconds: float, pace: float | None) -> float | None:
        return budget.seconds_left(Spent(steps=steps, seconds=seconds, steps_per_epoch=50), pace)

    def test_steps_come_first(self) -> None:
        assert self.left(Budget(max_steps=600, max_seconds=1000), 100, 10, 10.0) == 50.0

    def test_time_comes_first(self) -> None:
        assert self.left(Budget(max_steps=600, max_seconds=30), 100, 10, 10.0) == 20.0

    def test_rows_come_first(self) -> None:
        assert self.left(Budget(max_steps=600, max_seconds=1000, max_epochs=4), 100, 10, 10.0) == 10.0

    def test_nobody_can_say_without_a_pace(self) -> None:
        for pace in (None, 0.0):
            assert self.left(Budget(max_steps=600, max_seconds=30), 0, 0, pace) is None

    @given(
        st.integers(1, 1000),
        st.floats(1, 1000) | st.just(math.inf),
        st.none() | st.integers(1, 5),
        st.integers(0, 1500),
        st.floats(0, 2000),
        st.floats(0.01, 1000),
    )
    def test_it_is_none_left_when_a_bound_is_met_and_some_before(
        self, most: int, time: float, epochs: int | None, steps: int, seconds: float, pace: float
    ) -> None:
        budget = Budget(max_steps=most, max_seconds=time, max_epochs=epochs)
        spent = Spent(steps=steps, seconds=seconds, steps_per_epoch=50)
        left = budget.seconds_left(spent, pace)
        assert left is not None
        assert math.isfinite(left)
        assert (left == 0) == (budget.stop(spent) is not None)


class TestWhatSavesCost:
    def test_the_total_is_that_of_all_saves(self) -> None:
        meter = StallMeter()
        assert meter.total == 0.0
        for _ in range(8):
            for _ in range(10):
                meter.step(0.1, saving=False)
            meter.step(0.3, saving=True)
        assert meter.total == pytest.approx(8 * 0.2), "the one under way is counted"
        meter.step(0.1, saving=False)
        assert meter.total == pytest.approx(8 * 0.2), "and not twice"
        assert meter.seconds == pytest.approx(0.2)

    def test_seconds_between_saves(self) -> None:
        automatic = Automatic(failure_every=3600.0, first=20.0)
        assert between_saves(automatic, None) == 20.0
        assert between_saves(automatic, 0.5) == automatic.interval(0.5)
        assert between_saves(EverySeconds(7), 0.5) == 7
        assert between_saves(EverySteps(100), 0.5) is None
        assert between_saves(FirstOf(EverySteps(100), EverySeconds(7), automatic), None) == 7
