"""The scheduler rests while nothing changes, and wakes for what is asked for and for what ends."""

from __future__ import annotations

import pytest

pytest.importorskip("airflow")

from ckpt_ops_airflow.resting import BUSY_SECONDS, IDLE_LOOK_SECONDS, LOOK_SECONDS, REST_SECONDS, Rest


class Bench:
    """A clock that sleeping moves on, and what is asked for by time."""

    def __init__(self, asked: dict[float, set[object]] | None = None) -> None:
        self.now, self.asked = 0.0, asked or {}
        self.rest = Rest(self.look, clock=lambda: self.now, sleep=self.sleep)

    def sleep(self, seconds: float) -> None:
        self.now += seconds

    def look(self) -> frozenset[object]:
        here = [found for since, found in sorted(self.asked.items()) if since <= self.now]
        return frozenset(here[-1] if here else ())

    def heartbeat(self, *, busy: bool = False) -> float:
        began = self.now
        self.rest.while_idle(busy=busy)
        return self.now - began


def test_while_tasks_run_and_a_moment_later_it_does_not_wait() -> None:
    bench = Bench()
    bench.now = 100.0
    assert bench.heartbeat(busy=True) == 0
    bench.now += BUSY_SECONDS - 0.1
    assert bench.heartbeat() == 0


def test_with_nothing_to_do_it_waits_as_long_as_it_may() -> None:
    bench = Bench()
    bench.now = 100.0
    assert bench.heartbeat() == pytest.approx(REST_SECONDS, abs=IDLE_LOOK_SECONDS)


def test_a_run_that_is_asked_for_ends_the_rest_at_the_next_look() -> None:
    bench = Bench({101.0: {"run"}})
    bench.now = 100.0
    assert bench.heartbeat() == pytest.approx(1.0, abs=IDLE_LOOK_SECONDS)
    assert bench.heartbeat() == 0, "the loop that starts it goes on without a pause"


def test_what_has_to_wait_does_not_keep_it_awake() -> None:
    bench = Bench({0.0: {"a paused DAG's run"}})
    bench.now = 100.0
    assert bench.heartbeat() == 0
    bench.now += BUSY_SECONDS
    assert bench.heartbeat() == pytest.approx(REST_SECONDS, abs=LOOK_SECONDS)


def test_the_next_one_is_seen_beside_what_waits() -> None:
    bench = Bench({0.0: {"waits"}, 111.0: {"waits", "new"}})
    bench.now = 100.0
    bench.heartbeat()
    bench.now = 110.0
    assert bench.heartbeat() == pytest.approx(1.0, abs=LOOK_SECONDS)


def test_it_rests_beside_a_long_task_and_wakes_when_that_ends() -> None:
    bench = Bench({0.0: {"trains"}, 117.0: set()})
    bench.now = 100.0
    assert bench.heartbeat() == 0
    bench.now += BUSY_SECONDS
    assert bench.heartbeat() == pytest.approx(REST_SECONDS, abs=LOOK_SECONDS)
    bench.now = 115.0
    assert bench.heartbeat() == pytest.approx(2.0, abs=LOOK_SECONDS)
    assert bench.heartbeat() == 0


def test_a_task_that_goes_from_one_state_to_the_next_is_a_change() -> None:
    bench = Bench({0.0: {("task", "queued")}, 111.0: {("task", "running")}})
    bench.now = 100.0
    bench.heartbeat()
    bench.now = 110.0
    assert bench.heartbeat() == pytest.approx(1.0, abs=LOOK_SECONDS)
