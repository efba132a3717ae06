"""Who waits for a training keeps its progress in the store, and a store that fails costs a page alone."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from ckpt_ops.candidates import reporting as module
from ckpt_ops.candidates.progress_document import ProgressDocument, folder, reported
from ckpt_ops.candidates.reporting import reporting
from ckpt_ops.errors import StoreForbidden, StoreUnavailable, TrainingDied
from ckpt_ops.store import LocalStore
from ckpt_ops.worker import AttemptBegan, AttemptEnded, Note, Phase, PhaseBegan, Progress, StepsDone

EVERY = 0.02
FIRST = AttemptBegan(version=1, attempt=1, slices=("w1",))


@pytest.fixture
def store(tmp_path: Path) -> LocalStore:
    return LocalStore(tmp_path)


def until(check: Callable[[], object]) -> None:
    end = time.monotonic() + 10
    while not check():
        assert time.monotonic() < end, "not within 10 s"
        time.sleep(0.005)


def seen(store: LocalStore, version: int = 1) -> ProgressDocument | None:
    found = reported(store, "m", version)
    return found.document if found else None


def phase(store: LocalStore, version: int = 1) -> Phase | None:
    found = seen(store, version)
    return found.phase if found else None


def objects(store: LocalStore, version: int = 1) -> list[str]:
    return [entry.name for entry in store.list(folder("m", version))]


def killed_after(store: LocalStore, *records: Progress) -> None:
    """A training's process tells this and dies."""
    with reporting(store, "m", 1, every=EVERY) as told:
        until(lambda: objects(store))
        for record in records:
            told(record)
        raise TrainingDied("killed")


def test_a_training_is_seen_from_its_start_and_gone_with_its_end(store: LocalStore) -> None:
    with reporting(store, "m", 1, slices=("w1",), every=EVERY) as told:
        until(lambda: phase(store) is Phase.STARTING)
        told(FIRST)
        told(PhaseBegan(phase=Phase.TRAINING))
        for step in range(10, 200, 10):
            told(StepsDone(step=step, last=200, metrics={"loss": 1 / step}))
            time.sleep(0.005)
        until(lambda: (found := seen(store)) and found.step == 190)
        assert len(objects(store)) <= 2, "each report takes the place of the one before"
    assert objects(store) == []


def test_a_new_phase_is_reported_at_once_and_steps_are_not(store: LocalStore) -> None:
    with reporting(store, "m", 1, every=60.0) as told:
        until(lambda: phase(store) is Phase.STARTING)
        told(PhaseBegan(phase=Phase.DATA))
        until(lambda: phase(store) is Phase.DATA)
        told(StepsDone(step=5, last=10))
        time.sleep(0.1)
        assert phase(store) is Phase.DATA
        assert len(objects(store)) == 1
        told(PhaseBegan(phase=Phase.EXPORTING))
        until(lambda: phase(store) is Phase.EXPORTING)


def test_one_that_says_nothing_is_renewed(store: LocalStore, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "RENEWED_SECONDS", 0.05)
    with reporting(store, "m", 1, every=EVERY):
        until(lambda: objects(store))
        first = objects(store)[0]
        until(lambda: objects(store) and objects(store)[-1] != first)
        assert phase(store) is Phase.STARTING


def test_a_killed_attempt_says_so_and_is_taken_over(store: LocalStore) -> None:
    steps = StepsDone(step=40, last=100, metrics={"loss": 0.5}, stall_seconds=0.25)
    with pytest.raises(TrainingDied):
        killed_after(store, FIRST, steps)
    left = seen(store)
    assert left is not None
    assert (left.phase, left.attempt, left.step) == (Phase.ENDED, 1, 40)
    assert len(objects(store)) == 1
    with reporting(store, "m", 1, every=EVERY) as told:
        until(lambda: phase(store) is Phase.STARTING)
        again = seen(store)
        assert again is not None
        assert (again.attempt, again.step, again.stall_seconds) == (2, 40, 0.25)
        assert len(objects(store)) == 1
        told(AttemptBegan(version=1, attempt=2, step=20))
        until(lambda: (found := seen(store)) and found.step == 20)
    assert objects(store) == []


def test_the_report_of_a_process_that_was_killed_itself_is_taken_over(store: LocalStore) -> None:
    dead = module.Reporter(store, "m", 1, every=EVERY)
    dead.told(FIRST)
    until(lambda: (found := seen(store)) and found.attempt == 1)
    with reporting(store, "m", 1, every=EVERY) as told:
        until(lambda: (found := seen(store)) and found.attempt == 2)
        dead.told(StepsDone(step=99, last=100))  # it lives on, and does not know that it is dead
        time.sleep(5 * EVERY)
        told(AttemptBegan(version=1, attempt=2, step=10))
        until(lambda: (found := seen(store)) and found.step == 10)
    dead.close(result=False)


def test_an_attempt_that_never_began_leaves_nothing(store: LocalStore) -> None:
    with pytest.raises(TrainingDied):
        killed_after(store, PhaseBegan(phase=Phase.DATA, version=1))
    assert objects(store) == []


def test_the_next_version_of_a_rebase_has_its_own(store: LocalStore) -> None:
    with reporting(store, "m", 1, every=EVERY) as told:
        told(FIRST)
        told(StepsDone(step=40, last=100, stall_seconds=1.0))
        until(lambda: (found := seen(store)) and found.step == 40)
        told(PhaseBegan(phase=Phase.DATA, version=2))
        until(lambda: phase(store, 2) is Phase.DATA)
        assert objects(store, 1) == []
        told(AttemptBegan(version=2, attempt=1, slices=("w2",)))
        until(lambda: (found := seen(store, 2)) and found.slices == ("w2",))
        found = seen(store, 2)
        assert found is not None
        assert (found.attempt, found.step, found.stall_seconds) == (1, 0, 0.0)
    assert objects(store, 2) == []


def test_a_version_with_a_result_leaves_nothing_even_if_the_process_dies_later(store: LocalStore) -> None:
    with pytest.raises(TrainingDied):
        killed_after(store, FIRST, AttemptEnded(message="trained"), Note(text="the next step of the rebase"))
    assert objects(store) == []


class Failing(LocalStore):
    """Refuses every verb while `error` is set, after it has kept its caller waiting."""

    error: Exception | None = None
    slow = 0.0

    def _path(self, name: str) -> Path:
        self._refuse()
        return super()._path(name)

    def list(self, prefix: str, *, start: str = ""):  # type: ignore[no-untyped-def]
        self._refuse()
        return super().list(prefix, start=start)

    def _refuse(self) -> None:
        if (error := self.error) is not None:
            time.sleep(self.slow)
            raise error


def test_a_store_that_is_down_keeps_nobody_waiting_and_is_asked_again(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    store = Failing(tmp_path)
    store.error, store.slow = StoreUnavailable("no answer"), 0.05
    with caplog.at_level(logging.WARNING), reporting(store, "m", 1, every=EVERY) as told:
        began = time.monotonic()
        told(FIRST)
        for step in range(1000):
            told(StepsDone(step=step, last=1000, metrics={"loss": 0.5}))
        assert time.monotonic() - began < 0.5
        time.sleep(0.3)
        assert [one.message for one in caplog.records].count(
            "the progress of this training is not shown now: no answer"
        ) == 1, "once, not with every report"
        store.error = None
        until(lambda: (found := seen(store)) and (found.step, found.attempt) == (999, 1))


def test_a_store_that_removes_nothing_is_not_filled(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    store, remove = LocalStore(tmp_path), LocalStore.delete

    def down(*_: object) -> None:
        raise StoreUnavailable("a replica is down")

    monkeypatch.setattr(LocalStore, "delete", down)
    with reporting(store, "m", 1, every=0.001) as told:
        for step in range(60):
            told(StepsDone(step=step, last=100))
            time.sleep(0.005)
        assert 5 < len(objects(store)) <= 11
        monkeypatch.setattr(LocalStore, "delete", remove)
    assert objects(store) == []


def test_a_store_that_refuses_for_good_is_asked_no_more(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    store = Failing(tmp_path)
    store.error = StoreForbidden("no right to write")
    with caplog.at_level(logging.WARNING), reporting(store, "m", 1, every=EVERY) as told:
        until(lambda: not any(one.name == "training-progress" for one in threading.enumerate()))
        told(FIRST)
    assert caplog.messages == ["the progress of this training is not shown: no right to write"]
