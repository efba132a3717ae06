"""What a store does while its service fails: a proxy in front of a real GCS API server injects the faults."""

from __future__ import annotations

import json
import time
import uuid
from collections.abc import Callable, Iterator
from dataclasses import replace

import pytest
from proxy import FaultyProxy, Reply

from ckpt_ops.embedded import ports
from ckpt_ops.embedded.gcs_server import GcsServer
from ckpt_ops.errors import CommitStateUnknown, ObjectNotFound, StoreUnavailable, TransientError
from ckpt_ops.lineage import ModelLog
from ckpt_ops.lineage.records import Held
from ckpt_ops.store import GcsStore

NewStore = Callable[..., GcsStore]


@pytest.fixture
def proxy(gcs_server: GcsServer, monkeypatch: pytest.MonkeyPatch) -> Iterator[FaultyProxy]:
    with FaultyProxy(gcs_server.endpoint) as running:
        monkeypatch.setenv("STORAGE_EMULATOR_HOST", running.endpoint)
        yield running


@pytest.fixture
def new_store(proxy: FaultyProxy) -> NewStore:
    """Makes stores, all on one fresh prefix, that ask through the proxy."""
    prefix = f"outage/{uuid.uuid4().hex}"
    return lambda deadline=20.0: GcsStore(bucket="ckpt-ops", prefix=prefix, deadline=deadline)


# --- an outage ----------------------------------------------------------------------------------


@pytest.mark.parametrize("status", [429, 500, 503])
def test_every_verb_rides_through_an_outage_shorter_than_the_deadline(
    proxy: FaultyProxy, new_store: NewStore, status: int
) -> None:
    store = new_store()
    store.put("there", b"0123")
    for verb, expected in (
        (lambda: store.get("there"), b"0123"),
        (lambda: store.get_range("there", 1, 2), b"12"),
        (lambda: store.put("new", b"x"), None),
        (lambda: store.put_if_absent("contested", b"mine"), True),
        (lambda: [entry.name for entry in store.list("")], ["contested", "new", "there"]),
        (lambda: store.delete("new"), None),
    ):
        proxy.unavailable(0.3, status=status)
        began = time.monotonic()
        assert verb() == expected
        assert time.monotonic() - began >= 0.3, "the verb did not meet the outage"


@pytest.mark.slow
@pytest.mark.parametrize("seconds", [10, pytest.param(30, marks=pytest.mark.soak)])
def test_an_outage_of_many_seconds_is_ridden_through(
    proxy: FaultyProxy, new_store: NewStore, seconds: int
) -> None:
    store = new_store(deadline=3.0 * seconds)
    proxy.unavailable(seconds)
    began = time.monotonic()
    assert store.put_if_absent("log/1", b"mine") is True
    assert seconds <= time.monotonic() - began < seconds + 15
    assert store.get("log/1") == b"mine"


@pytest.mark.parametrize(
    "verb",
    [
        lambda store: store.get("a/object"),
        lambda store: store.get_range("a/object", 0, 1),
        lambda store: store.put("a/object", b""),
        lambda store: list(store.list("a/object")),
        lambda store: store.delete("a/object"),
    ],
    ids=["get", "get_range", "put", "list", "delete"],
)
def test_an_outage_longer_than_the_deadline_says_where_what_and_what_next(
    proxy: FaultyProxy, new_store: NewStore, verb: Callable[[GcsStore], object]
) -> None:
    store = new_store(deadline=0.5)
    proxy.unavailable(60)
    began = time.monotonic()
    with pytest.raises(StoreUnavailable) as caught:
        verb(store)
    assert time.monotonic() - began < 3
    message = str(caught.value)
    assert proxy.endpoint in message
    assert f"{store.url}/a/object" in message
    assert "0.5 s" in message
    assert "503" in message
    assert "CKPT_OPS_STORE_DEADLINE" in caught.value.next
    assert caught.value.safe
    assert isinstance(caught.value, TransientError)


def test_a_server_that_is_gone_is_an_outage(new_store: NewStore, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STORAGE_EMULATOR_HOST", f"http://127.0.0.1:{ports.free_port()}")
    with pytest.raises(StoreUnavailable, match="a/object"):
        new_store(deadline=0.5).get("a/object")


def test_an_outage_while_a_missing_object_is_looked_into_is_an_outage(
    proxy: FaultyProxy, new_store: NewStore
) -> None:
    store = new_store(deadline=0.5)
    with pytest.raises(ObjectNotFound):
        store.get("missing")
    proxy.lose_replies(method="GET", path="/o?", times=1000)  # listings; the object itself is asked at /o/
    with pytest.raises(StoreUnavailable, match="missing"):
        store.get("missing")


def test_a_conditional_write_in_a_long_outage_says_that_its_state_is_unknown(
    proxy: FaultyProxy, new_store: NewStore
) -> None:
    store = new_store(deadline=0.5)
    proxy.unavailable(60)
    with pytest.raises(CommitStateUnknown, match="log/1") as caught:
        store.put_if_absent("log/1", b"mine")
    assert "reads first" in caught.value.next

    proxy.unavailable(0)
    assert store.put_if_absent("log/1", b"mine") is True


# --- a lost reply -------------------------------------------------------------------------------


def test_a_write_whose_reply_was_lost_is_known_to_be_the_writers(
    proxy: FaultyProxy, new_store: NewStore
) -> None:
    writer, loser = new_store(), new_store()
    proxy.lose_replies(method="POST", path="/upload/", times=1)
    assert writer.put_if_absent("log/1", b"writer") is True
    assert [done for method, _, done in proxy.seen if method == "POST"] == ["dropped", "forwarded"]
    assert loser.put_if_absent("log/1", b"loser") is False
    assert loser.get("log/1") == b"writer"


def test_a_loser_whose_reply_was_lost_knows_that_it_lost(proxy: FaultyProxy, new_store: NewStore) -> None:
    new_store().put_if_absent("log/1", b"winner")
    proxy.lose_replies(method="POST", path="/upload/", times=1)
    assert new_store().put_if_absent("log/1", b"loser") is False
    assert new_store().get("log/1") == b"winner"


def test_a_write_is_settled_by_reading_when_no_reply_ever_comes(
    proxy: FaultyProxy, new_store: NewStore
) -> None:
    store = new_store(deadline=1.0)
    proxy.lose_replies(method="POST", path="/upload/", times=1000)
    assert store.put_if_absent("log/1", b"writer") is True
    assert store.put_if_absent("log/1", b"loser") is False


def test_a_write_whose_reply_was_lost_in_an_outage_is_the_writers(
    proxy: FaultyProxy, new_store: NewStore
) -> None:
    proxy.lose_replies(method="POST", path="/upload/", times=1, then=lambda: proxy.unavailable(0.5))
    assert new_store().put_if_absent("log/1", b"writer") is True
    assert "503" in [done for _, _, done in proxy.seen]


def test_a_read_whose_reply_was_lost_is_read_again(proxy: FaultyProxy, new_store: NewStore) -> None:
    store = new_store()
    store.put("a", b"x")
    proxy.lose_replies(method="GET", path="a", times=2)
    assert store.get("a") == b"x"


def test_a_record_is_in_the_log_once_when_its_reply_was_lost(proxy: FaultyProxy, new_store: NewStore) -> None:
    log = ModelLog(new_store(), "model")
    proxy.lose_replies(method="POST", path="/upload/", times=1)
    state = log.decide(lambda state: None if state.held else Held(reason="look at this"))
    assert (state.sequence, state.held) == (1, "look at this")
    assert len(ModelLog(new_store(), "model").records()) == 1


# --- bytes that change or stop on the way -------------------------------------------------------

ANOTHER = "AAAAAA=="  # the crc32c of nothing


def stored_something_else(reply: Reply) -> Reply:
    body = json.dumps({**json.loads(reply.body), "crc32c": ANOTHER}).encode()
    return replace(reply, body=body, length=len(body))


def one_bit_flipped(reply: Reply) -> Reply:
    return replace(reply, body=bytes([reply.body[0] ^ 1]) + reply.body[1:])


def broken_off(reply: Reply) -> Reply:
    return replace(reply, body=reply.body[: len(reply.body) // 2])


DAMAGES = pytest.mark.parametrize(
    ("method", "how", "verb"),
    [
        ("POST", stored_something_else, lambda store: store.put("a/object", b"0123456789")),
        ("GET", one_bit_flipped, lambda store: store.get("a/object")),
        ("GET", broken_off, lambda store: store.get("a/object")),
        ("GET", broken_off, lambda store: store.get_range("a/object", 0, 10)),
    ],
    ids=["stored otherwise", "sent otherwise", "broken off", "a range broken off"],
)


@DAMAGES
def test_bytes_that_arrived_otherwise_are_sent_again(
    proxy: FaultyProxy,
    new_store: NewStore,
    method: str,
    how: Callable[[Reply], Reply],
    verb: Callable[[GcsStore], object],
) -> None:
    store = new_store()
    store.put("a/object", b"0123456789")
    proxy.seen.clear()
    proxy.spoil(how, method=method, path="object", times=2)
    assert verb(store) == (None if method == "POST" else b"0123456789")
    assert [done for _, _, done in proxy.seen] == ["spoilt", "spoilt", "forwarded"]


@DAMAGES
def test_bytes_that_never_arrive_right_are_an_outage(
    proxy: FaultyProxy,
    new_store: NewStore,
    method: str,
    how: Callable[[Reply], Reply],
    verb: Callable[[GcsStore], object],
) -> None:
    store = new_store(deadline=0.5)
    store.put("a/object", b"0123456789")
    proxy.spoil(how, method=method, path="object", times=1000)
    with pytest.raises(StoreUnavailable) as caught:
        verb(store)
    assert f"{store.url}/a/object" in caught.value.what
    assert any(message in caught.value.what for message in ("crc32c", "broke off"))
    assert caught.value.safe
    assert caught.value.next
