"""How often a task reads the model's log: once, and again only behind what the task itself has appended."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from stand_in import ADA, BOB, W1, W2, W4, Place

from ckpt_ops.policies import Rows
from ckpt_ops.runs import steps
from ckpt_ops.store import Entry, LocalStore


class Counting(LocalStore):
    """Counts how often the log is read: each time, the names of its entries are listed."""

    reads = 0

    def list(self, prefix: str, **options: object) -> Iterator[Entry]:
        if prefix.startswith("models/people/log"):
            self.reads += 1
        return super().list(prefix, **options)  # type: ignore[arg-type]


@pytest.fixture
def counted(history: Place) -> Counting:
    """Three weeks are consumed, a fourth is pending; what reads the log from now on is counted."""
    history.store = Counting(Path(history.store.url.removeprefix("file://")))
    return history.store


def quiet(line: str) -> None:
    pass


def test_decide_reads_it_once(history: Place, counted: Counting) -> None:
    assert steps.decide(history.pipeline, counted, W4).train
    assert counted.reads == 1
    assert not steps.decide(history.pipeline, counted, W1).train
    assert counted.reads == 2


def test_decide_reads_it_again_behind_what_it_appended(history: Place, counted: Counting) -> None:
    patient = replace(history.pipeline, update_when=Rows(at_least=1_000))
    assert not steps.decide(patient, counted, W4).train
    assert counted.reads == 2, "the deferral"
    assert not steps.decide(patient, counted, W4).train
    assert counted.reads == 3, "it was said: nothing is appended"
    history.land(W2, (ADA, 1), (BOB, 1))
    assert steps.decide(patient, counted, W4).changed_at_source == (W2,)
    assert counted.reads == 5, "the change at the source"


def test_train_reads_it_once_unless_its_process_appends(history: Place, counted: Counting) -> None:
    version = steps.train(history.pipeline, counted, W4, quiet).version
    assert version is not None
    counted.reads = 0
    assert steps.train(history.pipeline, counted, W4, quiet).version == version
    assert counted.reads == 1, "it is trained already"
    assert steps.train(history.pipeline, counted, W1, quiet).version is None
    assert counted.reads == 2, "nothing is to be trained"


def test_train_reads_it_again_behind_the_process_and_behind_the_result(
    history: Place, counted: Counting, monkeypatch: pytest.MonkeyPatch
) -> None:
    def process(*asked: object) -> int:
        before = counted.reads
        number: int = history._train(*asked)  # type: ignore[arg-type]
        counted.reads = before  # a process of its own, in production
        return number

    monkeypatch.setattr("ckpt_ops.runs.train.run_training_process", process)
    assert steps.train(history.pipeline, counted, W4, quiet).version == 4
    assert counted.reads == 3
