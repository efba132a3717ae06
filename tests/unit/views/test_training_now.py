"""The training that runs now: found from the model's state, and lost when it reports no more."""

from __future__ import annotations

import time
from dataclasses import replace
from pathlib import Path

import pytest

from ckpt_ops.candidates.progress_document import ProgressDocument, after, begun, ended, name_of
from ckpt_ops.lineage import LineageState, ModelLog
from ckpt_ops.lineage.fold import fold
from ckpt_ops.lineage.records import CandidateStarted, Rejected, SliceAccepted, SliceRef
from ckpt_ops.store import LocalStore
from ckpt_ops.views import StoreViews
from ckpt_ops.views.training import LOST_SECONDS, training_now
from ckpt_ops.worker import AttemptBegan, CheckpointSaved, StepsDone

NOON = "2026-03-01T12:00:00.000+00:00"


@pytest.fixture
def store(tmp_path: Path) -> LocalStore:
    return LocalStore(tmp_path)


def state(*opened: int, decided: tuple[int, ...] = ()) -> LineageState:
    ref = SliceRef(key="w1", revision="r1", rows=10)
    started = [
        CandidateStarted(version=one, candidate=f"c{one}", parent=None, slices=(ref,), reason="")
        for one in sorted({*opened, *decided})
    ]
    return fold("m", [*started, *(Rejected(version=one, champion=None, reason="no") for one in decided)])


def put(store: LocalStore, document: ProgressDocument) -> None:
    store.put(name_of(document, number=1, writer="0" * 8), document.encode())


def running(version: int) -> ProgressDocument:
    found = after(
        begun("m", version, before=None, now=NOON), AttemptBegan(version=version, attempt=2), now=NOON
    )
    found = after(found, StepsDone(step=120, last=600, metrics={"loss": 0.4}, save_every=30.0), now=NOON)
    return after(found, CheckpointSaved(step=100, nbytes=2000, uploaded=10), now=NOON)


def test_none_runs(store: LocalStore) -> None:
    assert training_now(store, "m", LineageState(model="m")) is None
    assert training_now(store, "m", state(1, decided=(1,))) is None


def test_an_open_version_is_found_with_all_that_it_reported(store: LocalStore) -> None:
    put(store, running(2))
    found = training_now(store, "m", state(1, 2, decided=(1,)))
    assert found is not None
    assert (found.version, found.attempt, found.phase, found.step, found.last) == (2, 2, "training", 120, 600)
    assert (found.metrics, found.history) == ({"loss": 0.4}, ((120, {"loss": 0.4}),))
    assert (found.saves, found.save_every, found.lost) == (((100, 2000, 10),), 30.0, False)


def test_all_models_at_a_glance_show_what_is_trained(store: LocalStore) -> None:
    log, ref = ModelLog(store, "m"), SliceRef(key="w1", revision="r1", rows=10)
    log.append(SliceAccepted(slice=ref), after=log.state())
    started = CandidateStarted(version=1, candidate="c", parent=None, slices=(ref,))
    log.append(started, after=log.state())
    put(store, running(1))
    (found,) = StoreViews(store).fleet().models
    assert found.training is not None
    assert (found.training.version, found.training.step, found.training.last) == (1, 120, 600)
    log.append(Rejected(version=1, champion=None, reason="no"), after=log.state())
    (found,) = StoreViews(store).fleet().models
    assert found.training is None


def test_one_that_reads_its_rows_is_found_before_its_version_is_opened(store: LocalStore) -> None:
    put(store, begun("m", 1, before=None, now=NOON))
    found = training_now(store, "m", LineageState(model="m"))
    assert found is not None
    assert (found.version, found.phase, found.attempt) == (1, "starting", 0)


def test_what_a_decided_version_left_is_not_looked_at(store: LocalStore) -> None:
    put(store, running(1))
    assert training_now(store, "m", state(1, decided=(1,))) is None


def test_it_is_lost_when_it_has_not_reported_for_a_minute(store: LocalStore) -> None:
    put(store, running(1))
    now = time.time()
    for seconds, lost in ((LOST_SECONDS - 5, False), (LOST_SECONDS + 5, True)):
        found = training_now(store, "m", state(1), now=now + seconds)
        assert found is not None
        assert found.lost is lost


def test_one_that_died_before_its_version_was_opened_has_lost_nothing(store: LocalStore) -> None:
    put(store, begun("m", 2, before=None, now=NOON))
    before = state(1, decided=(1,))
    assert training_now(store, "m", before, now=time.time() + LOST_SECONDS - 5) is not None
    assert training_now(store, "m", before, now=time.time() + LOST_SECONDS + 5) is None


def test_an_attempt_that_has_ended_is_not_lost(store: LocalStore) -> None:
    put(store, ended(running(1)))
    found = training_now(store, "m", state(1), now=time.time() + 1000)
    assert found is not None
    assert (found.phase, found.lost) == ("ended", False)


def test_one_that_runs_comes_before_one_that_has_ended(store: LocalStore) -> None:
    put(store, replace(ended(running(2)), updated="2027-01-01T00:00:00+00:00"))
    put(store, running(1))
    found = training_now(store, "m", state(1, 2))
    assert found is not None
    assert found.version == 1


def test_hostile_bytes_are_a_clean_miss(store: LocalStore) -> None:
    store.put(name_of(running(1), number=1, writer="0" * 8), b"\xff" * 100)
    assert training_now(store, "m", state(1)) is None
