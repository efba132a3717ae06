"""Several models over one source read each slice once, and nobody waits for a reader that is dead."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

import pyarrow as pa
import pytest

from ckpt_ops.pipeline import Intake
from ckpt_ops.pipeline.step_results import Share
from ckpt_ops.runs.pull import pull, pull_share
from ckpt_ops.slices import list_slices, one_reader
from ckpt_ops.store import LocalStore

KEY = "2013-01-06"
CLAIM = f"slices/slow/{KEY}/reading/all"


SCHEMA = pa.schema([("n", pa.int64())])


@dataclass(frozen=True, kw_only=True)
class Slow:
    """A source of one row that takes a while, and counts who reads it."""

    name: str = "slow"
    schema: pa.Schema = SCHEMA
    reads: list[str] = field(default_factory=list, repr=False, compare=False)
    seconds: float = 0.5

    def keys(self, start: datetime, end: datetime) -> list[str]:
        return [KEY]

    def fingerprint(self, key: str) -> str:
        return "the same"

    def read(self, key: str) -> Iterator[pa.RecordBatch]:
        self.reads.append(threading.current_thread().name)
        time.sleep(self.seconds)
        yield pa.RecordBatch.from_pydict({"n": [1]}, schema=self.schema)


@pytest.fixture
def store(tmp_path: Path) -> LocalStore:
    return LocalStore(tmp_path)


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(one_reader, "_LOOK_SECONDS", 0.02)
    # of the threads of one process, each is a run
    monkeypatch.setattr(one_reader, "_me", lambda: threading.current_thread().name)


def pulling(names: list[str], source: Slow, store: LocalStore, **share: int) -> list[str]:
    """One run a name, of a model a name, at the same time; the revisions."""
    found: list[str] = []

    def run(name: str) -> None:
        intake = Intake(name=name, source=source, expectations="e.json")
        if share:
            pull_share(intake, store, Share(key=KEY, **share), report=lambda line: None)
        found.append(pull(intake, store, KEY).revision)

    threads = [threading.Thread(target=run, args=(name,), name=name) for name in names]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return found


@pytest.mark.parametrize("share", [{}, {"share": 0, "of": 1}], ids=["whole", "shared out"])
def test_four_models_that_pull_at_once_read_once(store: LocalStore, share: dict[str, int]) -> None:
    source = Slow()
    revisions = pulling(["a", "b", "c", "d"], source, store, **share)
    assert len(source.reads) == 1
    assert len(revisions) == 4
    assert len(set(revisions)) == len(list_slices(store, "slow", KEY)) == 1


def test_no_claim_is_left(store: LocalStore) -> None:
    pulling(["a", "b"], Slow(), store)
    assert [entry.name for entry in store.list("slices/slow/") if "/reading/" in entry.name] == []


def test_a_run_that_was_killed_finds_its_own_claim_and_goes_on_at_once(store: LocalStore) -> None:
    store.put_if_absent(f"{CLAIM}/000000003", b"a")
    source, began = Slow(seconds=0), time.monotonic()
    pulling(["a"], source, store)
    assert (len(source.reads), time.monotonic() - began < 5) == (1, True)


def test_a_reader_that_renews_nothing_is_not_waited_for(
    store: LocalStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(one_reader, "DEAD_SECONDS", 0.3)
    store.put_if_absent(f"{CLAIM}/000000003", b"dead")
    source = Slow(seconds=0)
    pulling(["a"], source, store)
    assert source.reads == ["a"]
    assert list(store.list(f"{CLAIM}/")) == []


def test_one_that_died_long_ago_costs_no_wait(store: LocalStore, tmp_path: Path) -> None:
    store.put_if_absent(f"{CLAIM}/000000003", b"dead")
    os.utime(tmp_path / CLAIM / "000000003", (1.0, 1.0))
    began = time.monotonic()
    pulling(["a"], Slow(seconds=0), store)
    assert time.monotonic() - began < 5


def test_a_reader_that_takes_long_is_waited_for(store: LocalStore, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(one_reader, "RENEW_SECONDS", 0.05)
    monkeypatch.setattr(one_reader, "DEAD_SECONDS", 1.5)
    source = Slow(seconds=3.0)
    pulling(["a", "b"], source, store)
    assert len(source.reads) == 1
