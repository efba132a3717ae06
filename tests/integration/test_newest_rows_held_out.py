"""`holdout=Latest(...)` on real weeks of flights: whatever trains, learns nothing of a week's last days."""

from __future__ import annotations

import io
import json
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from dataclasses import replace
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from killing import Killed, killed_after
from own_models.timed import hours
from steady_weeks import COLUMNS, land

from ckpt_ops.backtest.compare import Asked, compare
from ckpt_ops.diagnostics.reproduce import reproduce
from ckpt_ops.errors import ModelCodeError
from ckpt_ops.evaluation import AtLeast, Basis, EvaluatedRows, NoForgetting, Servable
from ckpt_ops.intake.decisions import withdraw
from ckpt_ops.lineage import CandidateLog, LineageState, ModelLog
from ckpt_ops.pipeline import Pipeline, load_pipeline
from ckpt_ops.runs import rebase as rebasing
from ckpt_ops.runs import steps
from ckpt_ops.store import LocalStore, Store
from ckpt_ops.training import Examples, Latest, Reservoir, Trainer
from ckpt_ops.training.trainer import Trained
from demo.flights import weeks

pytestmark = pytest.mark.slow

W1, W2, W3 = KEYS = ["2013-01-06", "2013-01-13", "2013-01-20"]
SHARE = 0.2
TIMED = [*COLUMNS, "time_hour"]


@pytest.fixture(scope="module")
def timed() -> Pipeline:
    """`brief`, whose weeks come with the hour of each flight."""
    brief = load_pipeline("brief", Path(__file__).parents[1] / "dags")
    schema = brief.source.schema.append(pa.field("time_hour", pa.timestamp("us", tz="UTC")))
    return replace(
        brief,
        source=replace(brief.source, schema=schema),  # type: ignore[type-var]
        examples="own_models.timed:examples",
        holdout=Latest(SHARE, by="time_hour"),
        replay=Reservoir(share=1.0),
        gates=[AtLeast("auc", 0.3), NoForgetting(metric="auc", margin=0.9), Servable()],
    )


@pytest.fixture
def landing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> LocalStore:
    (tmp_path / "landing").mkdir()
    store = LocalStore(tmp_path / "landing")
    monkeypatch.setenv("CKPT_OPS_LANDING", store.url)
    for key in KEYS:
        land(store, key, weeks()[key].select(TIMED))
    return store


@pytest.fixture
def store(tmp_path: Path) -> LocalStore:
    (tmp_path / "store").mkdir()
    return LocalStore(tmp_path / "store")


@pytest.fixture(autouse=True)
def in_this_process(
    training_here: Callable[[], AbstractContextManager[None]],
    without_pictures: Callable[[], AbstractContextManager[None]],
) -> Iterator[None]:
    with training_here(), without_pictures():
        yield


@pytest.fixture
def consumed(monkeypatch: pytest.MonkeyPatch) -> list[Examples]:
    """What each training was given, from here on: whoever trains does it with a `Trainer`."""
    given: list[Examples] = []
    train = Trainer.train

    def remembered(self: Trainer) -> Trained:
        given.append(self.examples)
        return train(self)

    monkeypatch.setattr(Trainer, "train", remembered)
    return given


def last_days() -> dict[str, set[str]]:
    """By week, its hours from which on a fifth of its flights leave, counted in another way."""
    found = {}
    for key in KEYS:
        left = np.sort(hours(weeks()[key]["time_hour"]))
        found[key] = set(left[left >= left[-int(np.ceil(SHARE * len(left)))]])
    return found


def run(pipeline: Pipeline, store: Store, key: str) -> LineageState:
    assert steps.run_slice(pipeline, store, key, lambda line: None).decision == "promoted"
    return ModelLog(store, pipeline.name).state()


def artifact(store: Store, state: LineageState, version: int, name: str) -> pa.Table:
    trained = state.versions[version].trained
    assert trained is not None
    return pq.read_table(io.BytesIO(store.get(trained.artifacts[name])))


def test_no_model_trains_on_the_last_days_of_a_week_now_or_in_any_replay(
    timed: Pipeline, landing: LocalStore, store: LocalStore, consumed: list[Examples], tmp_path: Path
) -> None:
    run(timed, store, W1)
    with killed_after(15), pytest.raises(Killed):
        run(timed, store, W2)
    run(timed, store, W2)
    state = run(timed, store, W3)
    assert CandidateLog(store, "brief", 2).progress().attempts == 2
    production = len(consumed)
    assert production == 4

    # resumed as if undisturbed; compared with other policies; corrected: each splits the weeks alike
    assert reproduce(timed, store, 2, from_scratch=True).to_json()["different"] == []
    policies = tmp_path / "policies.py"
    policies.write_text(
        "from ckpt_ops.policies import Every\nevery, every_2 = Every(slices=1), Every(slices=2)\n"
    )
    found = json.loads(json.dumps(compare(timed, store, Asked(policies=policies, metric="auc")).to_json()))
    assert found["trainings"]["restored"] == 3
    before = len(consumed)
    assert before > production + 2, "the second and third week at once were trained"
    withdraw(store, "brief", W1, "wrong")
    assert rebasing.rebase(timed, store, lambda line: None).settled.decision == "promoted"
    assert len(consumed) == before + 2

    out = last_days()
    never = set().union(*out.values())
    for given in consumed:
        assert given.groups is not None
        assert not never & set(given.groups)
    replayed = consumed[production - 1].groups
    assert replayed is not None
    assert {hour[:10] for hour in replayed} > {W1, W2, W3}, "rows of earlier weeks were replayed"

    # and they are what evaluates, of the week and of those before it
    table = artifact(store, state, 3, "predictions")
    evaluated = EvaluatedRows.from_table(table)
    assert evaluated.groups is not None
    assert set(evaluated.groups) == out[W3]
    assert (evaluated.basis, evaluated.rows) == (Basis.LATEST, f"newest rows of slice {W3}")
    week = weeks()[W3]
    assert evaluated.count == sum(
        hour in out[W3] and delay is not None
        for hour, delay in zip(hours(week["time_hour"]), week["arr_delay"].to_pylist(), strict=True)
    )
    past = artifact(store, state, 3, "past")
    assert set(past["slice"].to_pylist()) == {W1, W2}


def test_a_week_whose_flights_all_left_at_once_has_no_newest_rows_and_is_not_trained_on(
    timed: Pipeline, landing: LocalStore, store: LocalStore
) -> None:
    week = weeks()[W1].select(TIMED)
    at_once = pa.array([week["time_hour"][0].as_py()] * week.num_rows, week.schema.field("time_hour").type)
    land(landing, W1, week.set_column(TIMED.index("time_hour"), "time_hour", at_once))
    with pytest.raises(ModelCodeError, match=f"slice {W1} to train on and 0 to evaluate on") as caught:
        steps.run_slice(timed, store, W1, lambda line: None)
    assert "column time_hour: where all rows have the same value, or none" in caught.value.next
    assert ModelLog(store, "brief").state().versions == {}, "no candidate was opened"
