"""The example pipeline and a store; a place whose training is a sum (`stand_in`); an intake (`taken_in`)."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager
from dataclasses import replace
from pathlib import Path

import pytest
from click.testing import Result
from stand_in import ADA, BOB, EVE, W1, W2, W3, W4, Place
from taken_in import Days
from typer.testing import CliRunner

from ckpt_ops.cli.main import app
from ckpt_ops.evaluation import AtLeast
from ckpt_ops.lineage import ModelLog
from ckpt_ops.lineage.records import Record
from ckpt_ops.pipeline import Pipeline, load_pipeline
from ckpt_ops.store import LocalStore

DAGS = Path(__file__).parents[2] / "dags"


@pytest.fixture
def pipeline() -> Pipeline:
    return load_pipeline("flight_delay", DAGS)


@pytest.fixture
def store(tmp_path: Path) -> LocalStore:
    folder = tmp_path / "store"
    folder.mkdir()
    return LocalStore(folder)


@pytest.fixture
def say(store: LocalStore) -> Callable[..., ModelLog]:
    """Appends records to the log of a model; returns the log."""

    def append(model: str, *records: Record | Iterable[Record]) -> ModelLog:
        log = ModelLog(store, model)
        for each in records:
            for record in [each] if isinstance(each, Record) else each:
                log.append(record, after=log.state())
        return log

    return append


@pytest.fixture(scope="session")
def hashed() -> Pipeline:
    """One whose training `mortal` takes for a hash."""
    brief = load_pipeline("brief", Path(__file__).parents[1] / "dags")
    return replace(brief, gates=[AtLeast("auc", 0.5)])


@pytest.fixture
def place(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    without_pictures: Callable[[], AbstractContextManager[None]],
) -> Iterator[Place]:
    with without_pictures():
        yield Place(tmp_path, monkeypatch)


@pytest.fixture
def history(place: Place) -> Place:
    """Three weeks learned and one pending; one person in the second, the third and the pending one."""
    for key, rows in (
        (W1, [(BOB, 1), (EVE, 2)]),
        (W2, [(ADA, 10), (BOB, 20), (ADA, 40)]),
        (W3, [(ADA, 100), (EVE, 200)]),
    ):
        place.take_in(key, *rows)
        place.learn(key)
    place.take_in(W4, (ADA, 1000), (BOB, 2000))
    return place


@pytest.fixture
def days(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Days:
    return Days(tmp_path, monkeypatch)


@pytest.fixture
def ckpt_ops() -> Callable[..., Result]:
    """Runs the command on the store of CKPT_OPS_STORE, which `days` and `place` set."""
    return lambda *arguments: CliRunner().invoke(app, arguments)
