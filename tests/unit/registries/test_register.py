"""A registry follows the log: late, again, after a rollback, and after it was interrupted."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ckpt_ops.errors import BadInput, RegistryUnavailable
from ckpt_ops.lineage import ModelLog
from ckpt_ops.lineage.records import (
    CandidateStarted,
    CandidateTrained,
    Promoted,
    Record,
    Rejected,
    RolledBack,
    SliceAccepted,
    SliceRef,
)
from ckpt_ops.registries import Entry, Found, Registration, register
from ckpt_ops.registries.register import changes
from ckpt_ops.store import LocalStore, Store

MODEL = "flight_delay"


class Bucket(LocalStore):
    """A folder that says it is a bucket: what a registry is told is an address, and nothing is read there."""

    @property
    def url(self) -> str:
        return "gs://bucket/ckpt-ops,gs://other/ckpt-ops"


@dataclass
class Kept:
    """A registry in memory, which may stop to answer after some calls."""

    entries: dict[str, Entry] = field(default_factory=dict)
    production: str | None = None
    calls_left: int = 1000

    def __str__(self) -> str:
        return "a registry in memory"

    def read(self, model: str) -> Found:
        self._asked()
        return Found(
            ids={one.version: known_as for known_as, one in self.entries.items()}, production=self.production
        )

    def add(self, entry: Entry) -> str:
        self._asked()
        known_as = f"r{len(self.entries)}"
        self.entries[known_as] = entry
        return known_as

    def set_production(self, model: str, id: str | None) -> None:
        self._asked()
        self.production = id

    def _asked(self) -> None:
        if not self.calls_left:
            raise RegistryUnavailable("it does not answer")
        self.calls_left -= 1

    @property
    def head(self) -> int | None:
        return None if self.production is None else self.entries[self.production].version


def week(number: int) -> SliceRef:
    return SliceRef(key=f"2013-01-{number:02}", revision=f"{number:02}ab", rows=10 * number)


def trained(number: int, *, export: bool = True) -> list[Record]:
    artifacts = {"export": f"models/{MODEL}/v{number}/attempt=t/export"} if export else {}
    return [
        SliceAccepted(slice=week(number)),
        CandidateStarted(
            version=number,
            candidate=f"c{number}",
            parent=number - 1 or None,
            slices=(week(number),),
        ),
        CandidateTrained(
            version=number, step=10, stopped_by="max_steps", checkpoints=1, manifest="m", artifacts=artifacts
        ),
    ]


def promoted(number: int, *, export: bool = True) -> list[Record]:
    return [*trained(number, export=export), Promoted(version=number, champion=number - 1 or None)]


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Bucket(tmp_path)


def say(store: Store, *records: Record, model: str = MODEL) -> None:
    for record in records:
        log = ModelLog(store, model)
        log.append(record, after=log.state())


def test_what_was_promoted_is_there_and_production_is_the_head(store: Store) -> None:
    say(store, *promoted(1), *promoted(2), *trained(3), Rejected(version=3, champion=2))
    registry = Kept()
    done = register(store, MODEL, registry)
    assert done == Registration(
        model=MODEL, registry="a registry in memory", added=(1, 2), production=2, moved=True
    )
    assert ([one.version for one in registry.entries.values()], registry.head) == ([1, 2], 2)
    second = registry.entries["r1"]
    assert second.source == f"gs://bucket/ckpt-ops/models/{MODEL}/v2/attempt=t/export"
    assert second.description == "Version 2 of flight_delay, trained from version 1 on slice 2013-01-02"
    assert (
        second.tags.items()
        >= {
            "ckpt_ops.version": "2",
            "ckpt_ops.candidate": "c2",
            "ckpt_ops.last_slice": "2013-01-02",
            "ckpt_ops.last_revision": "02ab",
            "ckpt_ops.rows": "20",
        }.items()
    )
    assert register(store, MODEL, registry) == replace(done, added=(), moved=False)


def test_a_rollback_moves_production_and_removes_nothing(store: Store) -> None:
    registry = Kept()
    say(store, *promoted(1), *promoted(2))
    register(store, MODEL, registry)
    say(store, RolledBack(version=1, champion=2))
    assert register(store, MODEL, registry).production == 1
    assert (registry.head, len(registry.entries)) == (1, 2)


def test_a_dry_run_says_the_same_and_does_nothing(store: Store) -> None:
    say(store, *promoted(1))
    registry = Kept()
    assert register(store, MODEL, registry, dry_run=True) == register(store, MODEL, Kept())
    assert registry.entries == {}


def test_a_model_without_a_version_has_nothing_to_tell(store: Store) -> None:
    done = register(store, MODEL, Kept())
    assert (done.added, done.production, done.moved) == ((), None, False)


def test_production_without_an_export_is_no_production_there(store: Store) -> None:
    registry = Kept()
    say(store, *promoted(1))
    register(store, MODEL, registry)
    say(store, *promoted(2, export=False))
    assert register(store, MODEL, registry).moved
    assert registry.production is None, "not an older version under that name"


@pytest.mark.parametrize("calls", range(5))
def test_what_stops_to_answer_is_told_the_rest_later(store: Store, calls: int) -> None:
    say(store, *promoted(1), *promoted(2))
    registry = Kept(calls_left=calls)
    if calls < 4:
        with pytest.raises(RegistryUnavailable):
            register(store, MODEL, registry)
    registry.calls_left = 4
    register(store, MODEL, registry)
    assert ([one.version for one in registry.entries.values()], registry.head) == ([1, 2], 2)


def test_a_folder_of_one_machine_is_refused_before_the_registry_is_asked_for_more(tmp_path: Path) -> None:
    store, registry = LocalStore(tmp_path), Kept()
    say(store, *promoted(1))
    with pytest.raises(BadInput, match="such as gs://my-bucket/ckpt-ops"):
        register(store, MODEL, registry)
    assert registry.entries == {}


NUMBERS = st.integers(1, 6)


@given(st.sets(NUMBERS), st.sets(NUMBERS), st.none() | NUMBERS, st.none() | NUMBERS)
def test_what_is_done_once_is_all_that_was_to_do(
    wanted: set[int], there: set[int], head: int | None, production: int | None
) -> None:
    entries = {
        one: Entry(model=MODEL, version=one, source="", description="", tags={}) for one in sorted(wanted)
    }
    ids = {one: f"r{one}" for one in there}
    todo = changes(entries, head, Found(ids=ids, production=ids.get(production or 0)))
    ids |= {one.version: f"r{one.version}" for one in todo.add}
    assert wanted <= ids.keys()
    after = None if todo.production is None else ids[todo.production]
    rest = changes(entries, head, Found(ids=ids, production=after))
    assert (rest.add, rest.moved) == ((), False)
