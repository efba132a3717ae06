"""Workers meet through the store, begin when all are there, and end together, over real connections."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from ckpt_ops.errors import BadInput, CkptOpsError, GangBroken, ModelCodeError, WorkersDiffer
from ckpt_ops.gang import Done, Facts, Leader, Member, Watch, channel, meeting, watching
from ckpt_ops.store import LocalStore

FACTS = Facts(
    candidate="c1", code="d1", libraries=("python==3.11.9", "keras==3.15.1"), settings={"seed": "0"}
)
LIMIT = 30.0


@pytest.fixture
def store(tmp_path: Path) -> LocalStore:
    return LocalStore(tmp_path)


@pytest.fixture
def pool() -> Iterator[ThreadPoolExecutor]:
    with ThreadPoolExecutor(8) as found:
        yield found


@pytest.fixture(autouse=True)
def soon(monkeypatch: pytest.MonkeyPatch) -> None:
    """Signs of life come more often, so that a test needs not wait long for those that are missing."""
    for module in ("channel", "leader", "member"):
        with suppress(AttributeError):
            monkeypatch.setattr(f"ckpt_ops.gang.{module}.BEAT_SECONDS", 0.1)
        with suppress(AttributeError):
            monkeypatch.setattr(f"ckpt_ops.gang.{module}.SILENT_SECONDS", 2.0)
    monkeypatch.setattr("ckpt_ops.gang.leader._COLLECT", 0.3)


def leading(
    store: LocalStore, then: Callable[[Leader], Any], *, count: int = 3, within: float = LIMIT, **told: Any
) -> Any:
    lines: list[str] = told.get("lines", [])
    with Leader(store, "m", FACTS, count=count, within=within, report=lines.append) as gang:
        return gang.meet(), then(gang)


def following(
    store: LocalStore,
    worker: int,
    then: Callable[[Member], Any],
    *,
    count: int = 3,
    within: float = LIMIT,
    facts: Facts = FACTS,
) -> Any:
    with Member(
        store, "m", facts, worker=worker, count=count, within=within, report=lambda line: None
    ) as gang:
        return gang.meet(), then(gang)


def wait_for_end(gang: Leader | Member) -> None:
    while True:
        gang.check()
        time.sleep(0.05)


def ended(one: Future[Any]) -> BaseException:
    error = one.exception(LIMIT)
    assert error is not None
    return error


def test_all_know_the_same_addresses_and_end_with_the_result(
    store: LocalStore, pool: ThreadPoolExecutor
) -> None:
    others = [pool.submit(following, store, one, lambda gang: gang.wait()) for one in (2, 1)]
    addresses, _ = leading(store, lambda gang: gang.done(7))
    assert len(set(addresses)) == 3
    assert all(one.startswith("127.0.0.1:") for one in addresses)
    assert [one.result(LIMIT) for one in others] == [(addresses, 7), (addresses, 7)]
    assert [*store.list("models/m/gangs/")] == [], "the meeting is over, and nothing of it is left"


def test_a_worker_that_comes_early_waits_for_the_first_and_passes_by_what_a_killed_one_left(
    store: LocalStore, pool: ThreadPoolExecutor
) -> None:
    left = meeting.Meeting(
        address="127.0.0.1", port=meeting.free_port("127.0.0.1"), host=meeting.own_host(), secret="old"
    )
    meeting.announce(store, "m", left)
    early = pool.submit(following, store, 1, lambda gang: gang.wait(), count=2)
    time.sleep(0.5)
    leading(store, lambda gang: gang.done(1), count=2)
    assert early.result(LIMIT)[1] == 1


def test_too_few_give_up_in_time_and_say_who_is_missing_and_what_it_takes(
    store: LocalStore, pool: ThreadPoolExecutor
) -> None:
    lines: list[str] = []
    there = pool.submit(following, store, 2, wait_for_end)
    first = pool.submit(leading, store, wait_for_end, within=3.0, lines=lines)
    for one in (first, there):
        error = ended(one)
        assert isinstance(error, GangBroken)
        assert "2 of 3 workers are there, not worker 1" in str(error)
        assert "are there 3 slots?" in str(error)
    assert any("2 of 3 workers are there" in line for line in lines), "it says so while it waits, too"


def test_without_the_first_the_others_give_up(store: LocalStore) -> None:
    with pytest.raises(GangBroken, match="worker 1 of 3 found no worker 0 in 1 s"):
        following(store, 1, wait_for_end, within=1.0)


@pytest.mark.parametrize(
    ("other", "message"),
    [
        ({"code": "d2"}, "the model's code: digest d1 at worker 0, d2 at worker 1"),
        (
            {"libraries": ("python==3.11.9", "keras==3.14.0")},
            "keras: 3.15.1 at worker 0, 3.14.0 at worker 1",
        ),
        ({"libraries": ("python==3.11.9",)}, "keras: 3.15.1 at worker 0, absent at worker 1"),
        ({"settings": {"seed": "1"}}, "setting seed: 0 at worker 0, 1 at worker 1"),
    ],
)
def test_a_worker_that_differs_is_refused_and_all_are_told_what_differs(
    store: LocalStore, pool: ThreadPoolExecutor, other: dict[str, Any], message: str
) -> None:
    facts = replace(FACTS, **other)
    refused = pool.submit(following, store, 1, wait_for_end, facts=facts)
    for one in (pool.submit(leading, store, wait_for_end), refused):
        error = ended(one)
        assert isinstance(error, WorkersDiffer)
        assert message in str(error)


def test_a_worker_of_another_run_is_refused_and_the_one_that_is_waited_for_may_come(
    store: LocalStore, pool: ThreadPoolExecutor
) -> None:
    first = pool.submit(leading, store, lambda gang: gang.done(2), count=2)
    with pytest.raises(WorkersDiffer, match="the candidate: c1 at worker 0, c0 at worker 1"):
        following(store, 1, wait_for_end, count=2, facts=replace(FACTS, candidate="c0"))
    assert following(store, 1, lambda gang: gang.wait(), count=2)[1] == 2
    first.result(LIMIT)


def test_who_ends_with_an_error_ends_all_with_it(store: LocalStore, pool: ThreadPoolExecutor) -> None:
    """One that no retry heals is raised as it is, so that nobody retries."""

    def fails(gang: Member) -> None:
        raise ModelCodeError("build_model raised", next="fix it")

    other = pool.submit(following, store, 2, wait_for_end)
    failing = pool.submit(following, store, 1, fails)
    first = pool.submit(leading, store, wait_for_end)
    for one in (first, other, failing):
        error = ended(one)
        assert isinstance(error, ModelCodeError)
        assert str(error).startswith("build_model raised")


def test_who_dies_is_missed_at_once(store: LocalStore, pool: ThreadPoolExecutor) -> None:
    """Its operating system closes its connections."""

    def dies(gang: Member) -> None:
        assert gang._channel is not None
        gang._channel.close()
        gang._channel = None

    other = pool.submit(following, store, 2, wait_for_end)
    pool.submit(following, store, 1, dies)
    for one in (pool.submit(leading, store, wait_for_end), other):
        error = ended(one)
        assert isinstance(error, GangBroken)
        assert "worker 1 is gone" in str(error)


def test_who_says_nothing_any_more_is_missed_on_either_side(
    store: LocalStore, pool: ThreadPoolExecutor, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As a machine that stops, or a link that is cut: connections stay open, and nothing comes."""
    quiet = threading.Event()
    send = channel.Channel.send

    def cut(self: channel.Channel, kind: str, **body: Any) -> None:
        if not quiet.is_set():
            send(self, kind, **body)

    monkeypatch.setattr(channel.Channel, "send", cut)
    other = pool.submit(following, store, 1, wait_for_end, count=2)
    first = pool.submit(leading, store, lambda gang: (quiet.set(), wait_for_end(gang)), count=2)
    for one, missed in ((first, "worker 1 is gone"), (other, "worker 0 is gone")):
        error = ended(one)
        assert isinstance(error, GangBroken)
        assert missed in str(error)


def test_a_worker_that_begins_again_ends_what_its_first_process_was_part_of(
    store: LocalStore, pool: ThreadPoolExecutor
) -> None:
    begun = threading.Event()
    held = pool.submit(following, store, 1, wait_for_end, count=2)
    first = pool.submit(leading, store, lambda gang: (begun.set(), wait_for_end(gang)), count=2)
    assert begun.wait(LIMIT)
    again = pool.submit(following, store, 1, wait_for_end, count=2)
    for one in (first, again, held):
        error = ended(one)
        assert isinstance(error, CkptOpsError)
        assert "worker 1 is gone: it began again" in str(error)


def test_who_does_not_know_the_secret_is_none_of_them(store: LocalStore, pool: ThreadPoolExecutor) -> None:
    """It cannot read the store: it neither becomes a worker nor ends the work of those that are."""
    first = pool.submit(leading, store, lambda gang: gang.done(3), count=2)
    while not (found := [*meeting.meetings(store, "m")]):
        time.sleep(0.05)
    stranger = following_by(replace(found[0][1], secret="guessed"))
    with pytest.raises(channel.Closed):
        stranger.receive()
    assert following(store, 1, lambda gang: gang.wait(), count=2)[1] == 3
    first.result(LIMIT)


def following_by(found: meeting.Meeting) -> channel.Channel:
    import socket

    connection = socket.create_connection((found.address, found.port), timeout=5)
    asked = channel.Channel(connection, found.secret, listens=False)
    asked.send("hello", worker=1, facts=FACTS.written(), address="127.0.0.1:1")
    return asked


def test_on_another_host_loopback_is_refused_with_what_to_set(
    store: LocalStore, pool: ThreadPoolExecutor, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = pool.submit(leading, store, wait_for_end, count=2, within=3.0)
    while not [*meeting.meetings(store, "m")]:
        time.sleep(0.05)
    monkeypatch.setattr("ckpt_ops.gang.member.own_host", lambda: "elsewhere")
    with pytest.raises(BadInput, match="CKPT_OPS_WORKERS_ADDRESS"):
        following(store, 1, wait_for_end, count=2)
    ended(first)


def test_an_address_that_is_none_of_the_hosts_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CKPT_OPS_WORKERS_ADDRESS", "192.0.2.1")
    with pytest.raises(BadInput, match="an IPv4 address of this host"):
        meeting.own_address()


def test_a_process_that_is_there_but_does_nothing_is_ended(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(watching, "FROZEN_SECONDS", 0.5)
    looks = Watch(lambda: None, worker=1)
    for beat in range(4):  # it lives
        (tmp_path / watching.ALIVE).write_text(str(beat))
        time.sleep(0.3)
        looks(tmp_path)
    time.sleep(0.8)
    with pytest.raises(GangBroken, match="the process of worker 1 has done nothing"):
        looks(tmp_path)


def test_work_that_was_done_meanwhile_is_not_waited_for(store: LocalStore) -> None:
    with (
        Member(
            store, "m", FACTS, worker=1, count=2, within=LIMIT, report=lambda line: None, over=lambda: 4
        ) as gang,
        pytest.raises(Done) as done,
    ):
        gang.meet()
    assert done.value.version == 4
