"""What the store has of a running training: folded from what it tells, bounded, and never trusted."""

from __future__ import annotations

import json
import math
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ckpt_ops.candidates.progress_document import (
    METRICS,
    POINTS,
    SAVES,
    ProgressDocument,
    after,
    begun,
    ended,
    folder,
    is_report,
    name_of,
    reported,
    thinned,
)
from ckpt_ops.store import LocalStore
from ckpt_ops.worker import AttemptBegan, CheckpointSaved, LookedAt, Note, Phase, PhaseBegan, StepsDone

NOON, LATER = "2026-03-01T12:00:00.000+00:00", "2026-03-01T12:00:05.000+00:00"
FRESH = begun("m", 3, before=None, now=NOON, slices=("w1",))


def steps(step: int, **metrics: float) -> StepsDone:
    return StepsDone(step=step, last=600, metrics=metrics, stall_seconds=0.5, seconds_left=4.0)


class TestFolding:
    def test_a_process_that_was_just_started(self) -> None:
        assert (FRESH.phase, FRESH.attempt, FRESH.step, FRESH.slices) == (Phase.STARTING, 0, 0, ("w1",))

    def test_what_a_training_tells(self) -> None:
        found = FRESH
        for record in (
            PhaseBegan(phase=Phase.DATA, version=3),
            AttemptBegan(version=3, attempt=1, slices=("w0", "w1")),
            Note(text="a note"),
            PhaseBegan(phase=Phase.TRAINING),
            steps(100, loss=0.5),
            CheckpointSaved(step=100, nbytes=2000, uploaded=10),
            LookedAt(step=150, metric="auc", value=0.75, best=True),
            steps(200, loss=0.25),
        ):
            found = after(found, record, now=LATER)
        assert (found.attempt, found.phase, found.slices) == (1, Phase.TRAINING, ("w0", "w1"))
        assert (found.step, found.last, found.metrics) == (200, 600, {"loss": 0.25})
        assert found.history == ((100, {"loss": 0.5}), (200, {"loss": 0.25}))
        assert found.saves == ((100, 2000, 10),)
        assert (found.stall_seconds, found.seconds_left) == (0.5, 4.0)
        assert (found.started, found.updated) == (NOON, LATER)

    def test_the_next_attempt_goes_on_from_where_it_resumes(self) -> None:
        found = after(FRESH, AttemptBegan(version=3, attempt=1), now=NOON)
        for record in (
            steps(100, loss=0.5),
            CheckpointSaved(step=100, nbytes=9, uploaded=9),
            steps(200, loss=0.4),
        ):
            found = after(found, record, now=NOON)
        again = begun("m", 3, before=ended(found), now=LATER)
        assert (again.phase, again.attempt, again.started, again.step) == (Phase.STARTING, 2, LATER, 200)
        again = after(again, AttemptBegan(version=3, attempt=2, step=100), now=LATER)
        assert (again.step, [step for step, _ in again.history], len(again.saves)) == (100, [100], 1)
        again = after(again, steps(110, loss=0.45), now=LATER)
        assert again.stall_seconds == 1.0, "the stalls of both attempts"

    def test_numbers_that_are_not_finite_are_left_out(self) -> None:
        record = StepsDone(
            step=1, last=2, metrics={"loss": 1.0, "auc": math.nan}, seconds_left=math.inf, save_every=math.inf
        )
        found = after(FRESH, record, now=NOON)
        assert (found.metrics, found.seconds_left, found.save_every) == ({"loss": 1.0}, None, None)

    def test_it_stays_small_whatever_is_told(self) -> None:
        found = FRESH
        for step in range(1, 2 * POINTS):
            found = after(found, steps(step, **{f"metric {n}": 0.123456789 for n in range(50)}), now=NOON)
            found = after(found, CheckpointSaved(step=step, nbytes=2**40, uploaded=2**40), now=NOON)
        assert (len(found.metrics), len(found.saves)) == (METRICS, SAVES)
        assert len(found.history) <= POINTS
        assert len(found.encode()) < 150_000


@given(st.lists(st.integers(0, 10**6), min_size=0, max_size=1500, unique=True), st.integers(2, 200))
def test_thinning_keeps_the_first_the_last_and_the_order(steps: list[int], most: int) -> None:
    history = tuple((step, {"loss": 1.0}) for step in sorted(steps))
    found = thinned(history, most=most)
    assert len(found) <= most
    assert set(found_steps := [step for step, _ in found]) <= {step for step, _ in history}
    assert found_steps == sorted(found_steps)
    if history:
        assert (found[0], found[-1]) == (history[0], history[-1])
    if len(history) <= most:
        assert found == history
    else:
        assert len(found) > most // 2


class TestInTheStore:
    @pytest.fixture
    def store(self, tmp_path: Path) -> LocalStore:
        return LocalStore(tmp_path)

    def put(
        self, store: LocalStore, document: ProgressDocument, number: int = 1, writer: str = "0" * 8
    ) -> str:
        name = name_of(document, number=number, writer=writer)
        store.put(name, document.encode())
        return name

    def test_it_is_read_as_it_was_written(self, store: LocalStore) -> None:
        full = after(
            after(FRESH, AttemptBegan(version=3, attempt=1), now=NOON), steps(5, loss=0.5), now=LATER
        )
        full = after(full, CheckpointSaved(step=5, nbytes=10, uploaded=1), now=LATER)
        self.put(store, full)
        found = reported(store, "m", 3)
        assert found is not None
        assert found.document == full
        assert reported(store, "m", 4) is None

    def test_the_newest_attempt_counts_and_in_it_the_newest_report(self, store: LocalStore) -> None:
        first, second = (replace(FRESH, attempt=number) for number in (1, 2))
        self.put(store, replace(second, step=7), number=2, writer="a" * 8)
        self.put(store, replace(second, step=5), number=1, writer="a" * 8)
        self.put(store, replace(first, step=99), number=50, writer="b" * 8)
        found = reported(store, "m", 3)
        assert found is not None
        assert (found.document.attempt, found.document.step, len(found.entries)) == (2, 7, 3)

    @pytest.mark.parametrize(
        "data",
        [
            b"",
            b"\x00\xff",
            b"[" * 10_000,
            b"{}",
            b'{"schema": 99}',
            b"x" * (2**20 + 1),
            *(
                json.dumps({**json.loads(FRESH.encode()), **changed}).encode()
                for changed in (
                    {"model": "other"},
                    {"version": 4},
                    {"version": 2**70},
                    {"step": -1},
                    {"step": "1"},
                    {"phase": "dancing"},
                    {"started": "yesterday"},
                    {"updated": "2026-03-01T12:00:00"},
                    {"metrics": {"loss": "<script>"}},
                    {"metrics": {"loss": True}},
                    {"metrics": {str(n): 1.0 for n in range(METRICS + 1)}},
                    {"history": [[1, {"loss": {}}]]},
                    {"history": [[1, {}]] * (POINTS + 1)},
                    {"saves": [[1, 2]]},
                    {"seconds_left": 1e999},
                    {"rows_per_second": -1.0},
                    {"unknown": 1},
                )
            ),
        ],
    )
    def test_hostile_bytes_are_a_miss(self, store: LocalStore, data: bytes) -> None:
        store.put(name_of(FRESH, number=1, writer="0" * 8), data)
        assert reported(store, "m", 3) is None

    def test_one_that_cannot_be_read_hides_none_before_it(self, store: LocalStore) -> None:
        self.put(store, replace(FRESH, step=5))
        store.put(name_of(FRESH, number=2, writer="0" * 8), b"{")
        found = reported(store, "m", 3)
        assert found is not None
        assert found.document.step == 5

    def test_other_objects_are_none(self, store: LocalStore) -> None:
        for name in ("x", "000001-00000001-zzzzzzzz.json", "a/000001-00000001-00000000.json"):
            store.put(folder("m", 3) + name, FRESH.encode())
        assert reported(store, "m", 3) is None

    def test_names(self) -> None:
        assert is_report(name_of(FRESH, number=1, writer="0" * 8))
        assert not is_report("models/m/v3/log/000001.json")
        assert not is_report("models/m/requests/progress/000001-00000001-00000000.json")
