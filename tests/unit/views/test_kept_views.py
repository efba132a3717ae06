"""Views that are kept in the store: they save time, and they say nothing that the log does not."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any

import blake3
import pytest
from histories import KEYS, histories, promoted, ref
from hypothesis import given, settings

from ckpt_ops.errors import StoreForbidden, TransientError
from ckpt_ops.lineage import LineageState, ModelLog, fold
from ckpt_ops.lineage.records import Held, Record, Released
from ckpt_ops.store import Entry, LocalStore
from ckpt_ops.views import StoreViews, cache, plain
from ckpt_ops.views.building.model import lineage_view, model_view
from ckpt_ops.views.building.slices import slices_view
from ckpt_ops.views.building.summary import summary
from ckpt_ops.views.description import DESCRIPTION, Description
from ckpt_ops.views.fleet import Summary
from ckpt_ops.views.known_model import keep_views
from ckpt_ops.views.model import ModelView

FOLDER = "models/flights/views"
Say = Callable[..., ModelLog]


class Watched:
    """A store that notes which objects are read."""

    def __init__(self, store: LocalStore) -> None:
        self._store = store
        self.read: list[str] = []

    def __getattr__(self, verb: str) -> Any:
        return getattr(self._store, verb)

    def get(self, name: str) -> bytes:
        self.read.append(name)
        return self._store.get(name)


class ReadOnly:
    """A store in which nothing may be written."""

    def __init__(self, store: LocalStore) -> None:
        self._store = store

    def __getattr__(self, verb: str) -> Any:
        return getattr(self._store, verb)

    def put(self, name: str, data: bytes) -> None:
        raise StoreForbidden(f"no permission for {name}")


class Nothing:
    """A store without objects: a view of a state alone reads none."""

    url = "nothing:///"

    def get(self, name: str) -> bytes:
        raise AssertionError(f"{name} was read")

    def list(self, prefix: str, *, start: str = "") -> Iterator[Entry]:
        return iter(())


@settings(max_examples=60, deadline=None)
@given(histories())
def test_of_any_history_what_is_kept_is_what_is_computed(history: list[Record]) -> None:
    state, about = fold("model", history), Description(late_within=2)
    found = summary(Nothing(), state, about)
    assert cache.decode(Summary, cache.encode(found)) == found
    page = model_view(Nothing(), state, about)
    assert cache.decode(ModelView, cache.encode(page)) == page
    slices = slices_view(state, about, most=100)
    assert [row.key for row in slices.rows] == sorted(state.slices, reverse=True)
    assert slices.counts.get("pending", 0) == len(state.pending()) == dict(found.counts)["pending"]
    assert {row.key for row in slices.rows if row.consumed_by} == {*state.consumed}
    graph = lineage_view(state)
    assert [row.version for row in graph.versions] == list(state.versions)
    assert [(one.source, one.target) for one in graph.edges if one.what == "trained from"] == [
        (one.parent, one.version) for one in state.versions.values() if one.parent is not None
    ]
    for view in (found, page, slices, graph):
        json.dumps(plain(view), allow_nan=False)


def test_where_a_view_is_kept_the_log_is_not_read_but_for_its_end(
    store: LocalStore, flights: ModelLog
) -> None:
    first = StoreViews(store)
    fleet, page = first.fleet(), first.model("flights")
    watched = Watched(store)
    again = StoreViews(watched)
    assert again.fleet() == fleet
    assert again.model("flights") == page
    last = flights.state().sequence
    end = [f"models/flights/log/{number:012d}.json" for number in (last, last + 1)]
    assert {name for name in watched.read if "/log/" in name or "/snapshots/" in name} == {*end}


def test_the_next_record_makes_another_view(store: LocalStore, flights: ModelLog, say: Say) -> None:
    before = StoreViews(store)
    assert before.summary("flights").held is None
    say("flights", Held(reason="look at it"))
    assert before.summary("flights").held == "look at it", "in the process that knows the one before"
    assert StoreViews(store).summary("flights").held == "look at it", "in one that knows nothing"
    assert before.model("flights").summary.held == "look at it"


def test_a_description_makes_another_view(store: LocalStore, flights: ModelLog) -> None:
    assert StoreViews(store).summary("flights").freshness_hours is None
    about = Description(freshness_hours=24.0)
    store.put(f"models/flights/description/{1:012d}-{about.digest}.json", DESCRIPTION.encode(about))
    assert StoreViews(store).summary("flights").freshness_hours == 24


def test_the_states_of_few_models_stay_in_memory(
    store: LocalStore, say: Say, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ckpt_ops.views.store_views.STATES_STAY", 2)
    names = [f"m{number}" for number in range(5)]
    for name in names:
        say(name, promoted(1, ref(KEYS[0])))
    views = StoreViews(store)
    states = {name: views.state(name) for name in names}
    assert [views._models[name].read for name in names] == [False, False, False, True, True]
    fleet = views.fleet()
    assert {one.model: one.head for one in fleet.models} == dict.fromkeys(names, 1)
    say("m0", Held(reason="look"))
    assert views.summary("m0").held == "look", "what was forgotten is read again where it moved"
    assert {name: views.state(name) for name in names[1:]} == {name: states[name] for name in names[1:]}


def test_what_is_wrong_with_a_model_that_is_forgotten_is_nothing_to_who_asks_for_another(
    store: LocalStore, say: Say, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ckpt_ops.views.store_views.STATES_STAY", 2)
    for name in ("mine", "other", "secret"):
        say(name, promoted(1, ref(KEYS[0])))
    views = StoreViews(store)
    views.state("secret")
    say("secret", Held(reason="look"))
    last = ModelLog(store, "secret").state().sequence
    store.put(f"models/secret/log/{last + 1:012d}.json", b"rubbish")
    views.state("other")
    assert views.state("mine").head == 1
    assert views.model("mine").summary.head == 1
    assert not views._models["secret"].read


def test_a_page_stays_in_memory_no_longer_than_a_state(
    store: LocalStore, say: Say, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ckpt_ops.views.store_views.STATES_STAY", 2)
    names = [f"m{number}" for number in range(5)]
    for name in names:
        say(name, promoted(1, ref(KEYS[0])))
        keep_views(store, name)
    views = StoreViews(store)
    for name in names:
        views.model(name)
    assert [views._models[name].read for name in names] == [False, False, False, True, True]


def test_who_waits_for_a_store_that_hangs_is_told_so(
    store: LocalStore, flights: ModelLog, monkeypatch: pytest.MonkeyPatch
) -> None:
    for module in ("known_model", "store_views"):
        monkeypatch.setattr(f"ckpt_ops.views.{module}.PATIENCE", 0.01)
    views, asked, answered = StoreViews(store, keep=False), threading.Event(), threading.Event()

    def hangs(log: ModelLog, state: LineageState) -> None:
        asked.set()
        answered.wait(10)

    known = views._known("flights")
    with ThreadPoolExecutor(1) as pool:
        reading = pool.submit(known.with_log, hangs)
        assert asked.wait(10)
        with pytest.raises(TransientError, match="flights is being read for somebody else"):
            views.state("flights")
        answered.set()
        reading.result(10)
    assert views.state("flights").head == 2


def test_a_view_that_cannot_be_made_stops_no_run(
    store: LocalStore, flights: ModelLog, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object) -> None:
        raise KeyError("an error of ours")

    monkeypatch.setattr("ckpt_ops.views.known_model.model_view", broken)
    keep_views(store, "flights")


def test_two_of_each_kind_are_kept(store: LocalStore, flights: ModelLog, say: Say) -> None:
    views = StoreViews(store)
    for number in range(6):
        say("flights", Held(reason="look") if number % 2 == 0 else Released())
        views.summary("flights")
        views.model("flights")
    for kind in cache.KINDS:
        numbers = [int(one.name.rpartition("/")[2][:12]) for one in store.list(f"{FOLDER}/{kind}/")]
        assert numbers == [flights.state().sequence - 1, flights.state().sequence]


def test_they_are_derived(store: LocalStore, flights: ModelLog) -> None:
    found = StoreViews(store).model("flights")
    for entry in list(store.list(f"{FOLDER}/")):
        store.delete(entry.name)
    assert StoreViews(store).model("flights") == found


def test_nothing_is_written_where_nothing_may_be_or_nobody_wants_it(
    store: LocalStore, flights: ModelLog
) -> None:
    found = StoreViews(ReadOnly(store)).fleet()
    assert [one.model for one in found.models] == ["flights"]
    assert StoreViews(store, keep=False).fleet() == found
    assert not list(store.list(f"{FOLDER}/"))


def _hashed(payload: bytes) -> bytes:
    return b'{"blake3": "' + blake3.blake3(payload).hexdigest().encode() + b'", "payload": ' + payload + b"}"


@pytest.mark.parametrize(
    "damage",
    [
        lambda data: b"",
        lambda data: b"\x00\xff" * 10,
        lambda data: data[:-20],
        lambda data: data.replace(b'"flights"', b'"freight"', 1),
        lambda data: _hashed(b"[]"),
        lambda data: _hashed(b"[" * 100_000),
        lambda data: _hashed(b'{"model": "flights", "head": "two"}'),
        lambda data: _hashed(b'{"model": "flights", "newer": 1}'),
        lambda data: _hashed(b'{"model": "other"}'),
        lambda data: _hashed(b'{"model": "flights", "attention": [{"what": "?", "message": ""}]}'),
    ],
    ids=["empty", "binary", "cut", "altered", "list", "deep", "type", "field", "of another", "kind"],
)
def test_whatever_stands_under_its_name_is_never_shown(
    store: LocalStore, flights: ModelLog, damage: Callable[[bytes], bytes]
) -> None:
    found = StoreViews(store).summary("flights")
    (entry,) = store.list(f"{FOLDER}/summary/")
    whole = store.get(entry.name)
    store.put(entry.name, damage(whole))
    assert StoreViews(store).summary("flights") == found
    assert store.get(entry.name) == whole, "the next reader has it again"


def test_a_name_that_no_view_has_is_passed_over(store: LocalStore, flights: ModelLog) -> None:
    for name in ("999999999999-0123456789abcdef.json", "000000000000-0123456789abcdef.json", "x.json", "9/9"):
        store.put(f"{FOLDER}/summary/{name}", b"{}")
    assert StoreViews(store).summary("flights").head == 2


def test_a_run_leaves_the_views_of_its_model(store: LocalStore, flights: ModelLog) -> None:
    keep_views(store, "flights")
    assert len(list(store.list(f"{FOLDER}/"))) == len(cache.KINDS)
    keep_views(store, "none")  # no such model: no error


def test_another_way_to_compute_needs_another_number() -> None:
    """When this fails, pages may show a kept view that today's code would not come to.

    If the views changed for the same records, raise `cache.COMPUTED` and write down the new hash.
    """
    history = [
        *promoted(1, ref(KEYS[0])),
        *promoted(2, ref(KEYS[1]), champion=1),
        Held(reason="look"),
    ]
    timed = [
        replace(record, time=f"2026-01-01T00:00:{at:02}.000+00:00", actor="ada", run="", nonce=str(at))
        for at, record in enumerate(history)
    ]
    data = cache.encode(model_view(Nothing(), fold("model", timed), Description()))
    assert (cache.COMPUTED, blake3.blake3(data).hexdigest()[:16]) == (4, "19a72ba2aa0bbb8e")
