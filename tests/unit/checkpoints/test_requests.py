"""Asking a running training for a save: through the store, once, and with an answer whatever happens."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from ckpt_ops.checkpoints import SaveKind, SaveRequest, SaveRequestPoller
from ckpt_ops.checkpoints.requests import answer_to, ask, withdraw
from ckpt_ops.errors import BadInput, StoreUnavailable
from ckpt_ops.store import LocalStore

POLL = 0.02


@pytest.fixture
def store(tmp_path: Path) -> LocalStore:
    return LocalStore(tmp_path)


@pytest.fixture
def desk(store: LocalStore) -> Iterator[SaveRequestPoller]:
    opened = SaveRequestPoller(store, "m", 3, poll=POLL)
    yield opened
    opened.stop()


def until_due(desk: SaveRequestPoller, step: int) -> tuple[SaveRequest, ...]:
    end = time.monotonic() + 20
    while time.monotonic() < end:
        if found := desk.due(step):
            return found
        time.sleep(POLL)
    raise AssertionError("no ask arrived")


def test_an_ask_arrives_once_and_its_answer_takes_its_place(
    store: LocalStore, desk: SaveRequestPoller
) -> None:
    request = SaveRequest(what=SaveKind.BOTH)
    ask(store, "m", request)
    assert until_due(desk, 5) == (request,)
    time.sleep(5 * POLL)
    assert desk.due(6) == ()
    assert answer_to(store, "m", request.id) is None
    desk.answer(request, 5, ["a/manifest.json"])
    answer = answer_to(store, "m", request.id)
    assert answer is not None
    assert (answer.done, answer.version, answer.step, answer.objects) == (True, 3, 5, ("a/manifest.json",))
    assert answer.seconds >= 0
    left = [entry.name for entry in store.list("models/m/requests/")]
    assert left == [f"models/m/requests/{request.id}.answer.json"]


def test_an_ask_waits_for_its_step(store: LocalStore, desk: SaveRequestPoller) -> None:
    early, late = SaveRequest(), SaveRequest(at_step=100)
    for request in (late, early):
        ask(store, "m", request)
    found: list[SaveRequest] = []
    while len(found) < 1:
        found += until_due(desk, 99)
    assert found == [early]
    assert desk.due(99) == ()
    assert until_due(desk, 103) == (late,), "a step that several steps a call pass over is served at the next"


def test_an_ask_waits_for_its_time(store: LocalStore, desk: SaveRequestPoller) -> None:
    began = time.monotonic()
    ask(store, "m", SaveRequest(after=0.3))
    until_due(desk, 1)
    assert time.monotonic() - began >= 0.3


def test_what_still_waits_at_the_end_is_told_so(store: LocalStore) -> None:
    desk = SaveRequestPoller(store, "m", 3, poll=60)
    request = SaveRequest(at_step=10_000)
    ask(store, "m", request)
    desk.close(400)
    answer = answer_to(store, "m", request.id)
    assert answer is not None
    assert not answer.done
    assert "ended at step 400" in answer.why


def test_what_waits_when_a_training_is_interrupted_is_left_to_the_next_attempt(store: LocalStore) -> None:
    request = SaveRequest()
    first = SaveRequestPoller(store, "m", 3, poll=60)
    ask(store, "m", request)
    first.stop()
    assert answer_to(store, "m", request.id) is None
    second = SaveRequestPoller(store, "m", 3, poll=POLL)
    assert until_due(second, 1) == (request,)
    second.stop()


def test_an_ask_can_be_taken_back(store: LocalStore, desk: SaveRequestPoller) -> None:
    request = SaveRequest()
    ask(store, "m", request)
    withdraw(store, "m", request.id)
    desk.close(1)
    assert answer_to(store, "m", request.id) is None


def test_what_is_no_ask_is_left_alone_and_the_next_is_served(
    store: LocalStore, desk: SaveRequestPoller
) -> None:
    store.put("models/m/requests/0broken.json", b"{")
    store.put("models/m/requests/1broken.json", b'{"what": "everything"}')
    request = SaveRequest()
    ask(store, "m", request)
    assert until_due(desk, 1) == (request,)


class Flapping(LocalStore):
    """Refuses its first listings."""

    refusals = 3

    def list(self, prefix: str) -> Iterator[Any]:
        if self.refusals:
            self.refusals -= 1
            raise StoreUnavailable("injected")
        return super().list(prefix)


def test_a_store_that_is_away_is_asked_again_later(tmp_path: Path) -> None:
    store = Flapping(tmp_path)
    desk = SaveRequestPoller(store, "m", 3, poll=POLL)
    request = SaveRequest()
    ask(store, "m", request)
    assert until_due(desk, 1) == (request,)
    assert store.refusals == 0
    desk.stop()


@pytest.mark.parametrize(
    ("make", "field"),
    [
        (lambda: SaveRequest(at_step=0), "--at-step"),
        (lambda: SaveRequest(after=-1), "--after"),
        (lambda: SaveRequest(at_step=5, after=5), "--after"),
    ],
)
def test_what_makes_no_sense_is_refused_by_name(make: Callable[[], SaveRequest], field: str) -> None:
    with pytest.raises(BadInput, match=field):
        make()
