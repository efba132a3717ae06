"""A back-test on real weeks of flights and a real model is, number for number, what production would do."""

from __future__ import annotations

import json
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import pytest
from steady_weeks import land, week
from typer.testing import CliRunner

from ckpt_ops.backtest.compare import Asked, compare
from ckpt_ops.cli.main import app
from ckpt_ops.lineage import LineageState, ModelLog
from ckpt_ops.lineage.records import CheckpointsDropped, SliceAccepted, SliceRef
from ckpt_ops.pipeline import Pipeline, load_pipeline
from ckpt_ops.runs import steps
from ckpt_ops.store import LocalStore, Store

pytestmark = pytest.mark.slow

DAGS = Path(__file__).parents[1] / "dags"
KEYS = ["2013-01-06", "2013-01-13", "2013-01-20"]
POLICIES = """
from brief.pipeline import brief
from ckpt_ops.policies import AnyOf, Drift, Every

today = brief.update_when
every_2 = Every(slices=2)
by_hour = AnyOf(Drift(columns=("hour",), psi=9.0), Every(slices=2))
"""


@pytest.fixture
def steady(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Pipeline:
    """`steady` in short, over weeks that have landed."""
    monkeypatch.setenv("CKPT_OPS_DAGS", str(DAGS))
    (tmp_path / "landing").mkdir()
    landing = LocalStore(tmp_path / "landing")
    monkeypatch.setenv("CKPT_OPS_LANDING", landing.url)
    for key in KEYS:
        land(landing, key, week(key))
    return load_pipeline("brief", DAGS)


def take_in(pipeline: Pipeline, store: Store, key: str) -> None:
    """Pull a slice and accept it as it is."""
    pulled = steps.pull(pipeline, store, key)
    log = ModelLog(store, pipeline.name)
    ref = SliceRef(key=key, revision=pulled.revision, rows=pulled.rows)
    log.append(SliceAccepted(slice=ref), after=log.state())


def learn(pipeline: Pipeline, store: Store, key: str) -> None:
    assert steps.decide(pipeline, store, key).train
    version = steps.train(pipeline, store, key, lambda line: None).version
    steps.evaluate(pipeline, store, version)
    assert steps.promote(pipeline, store, version).decision == "promoted"


def new_store(folder: Path) -> LocalStore:
    folder.mkdir()
    return LocalStore(folder)


def contents(store: LocalStore) -> dict[str, bytes]:
    return {entry.name: store.get(entry.name) for entry in store.list("")}


def test_a_policy_fares_in_the_replay_as_it_did_in_production(
    steady: Pipeline, tmp_path: Path, training_here: Callable[[], AbstractContextManager[None]]
) -> None:
    (tmp_path / "a.py").write_text(POLICIES)
    store, slices_only = new_store(tmp_path / "store"), new_store(tmp_path / "slices")
    for key in KEYS:
        take_in(steady, store, key)
        take_in(steady, slices_only, key)
        with training_here():
            learn(steady, store, key)
    state = ModelLog(store, "brief").state()
    before = contents(store)

    asked = Asked(policies=tmp_path / "a.py", metric="auc")
    found = json.loads(json.dumps(compare(steady, store, asked).to_json()))

    assert contents(store) == before, "nothing is written"
    assert found["trainings"] == {"asked": 7, "shared": 3, "restored": 3, "trained": 1}
    today, every_2, by_hour = found["policies"]
    assert [one["candidate"] for one in today["slices"]] == [one.candidate for one in state.versions.values()]
    assert {one["key"]: one["value"] for one in today["slices"]} == {KEYS[0]: None, **scores(state)}
    assert today["steps"] == sum(one.trained.step for one in state.versions.values() if one.trained)
    assert today["seconds"] == pytest.approx(
        sum(one.trained.seconds for one in state.versions.values() if one.trained)
    )
    assert [one["outcome"] for one in every_2["slices"]] == ["promoted", "deferred", "promoted"]
    assert every_2["slices"][1]["value"] == today["slices"][1]["value"], "the first version is one"
    assert [one["candidate"] for one in by_hour["slices"]] == [one["candidate"] for one in every_2["slices"]]
    assert "hour" in by_hour["slices"][1]["why"], "drift was measured"
    assert found["compared"] == KEYS[1:]

    # where checkpoints are gone, it is trained again, to the same bits
    log = ModelLog(store, "brief")
    log.append(CheckpointsDropped(versions=(1, 2, 3)), after=log.state())
    dropped = json.loads(json.dumps(compare(steady, store, asked).to_json()))
    assert dropped["trainings"] == {"asked": 7, "shared": 3, "restored": 0, "trained": 4}
    assert but_seconds(dropped) == but_seconds(found)

    # where nothing was trained before, the command trains it, to the same bits
    before = contents(slices_only)
    command = ["backtest", "brief", "--policies", str(asked.policies), "--from", KEYS[0], "--to", KEYS[-1]]
    command += ["--output", str(tmp_path / "out"), "--json", "--store", slices_only.url]
    done = CliRunner().invoke(app, command)
    assert done.exit_code == 0, done.stderr
    assert contents(slices_only) == before
    again = json.loads(done.stdout)
    assert again["trainings"] == dropped["trainings"]
    assert but_seconds(again) == but_seconds(found)
    assert "slice 3 of 3 (2013-01-20)" in done.stderr
    assert json.loads((tmp_path / "out" / "backtest.json").read_text()) == again
    assert (tmp_path / "out" / "backtest.png").read_bytes().startswith(b"\x89PNG")


def but_seconds(found: dict[str, Any]) -> list[dict[str, Any]]:
    """What happened under each policy, without how long it took."""
    return [
        {**one, "seconds": None, "slices": [{**event, "seconds": None} for event in one["slices"]]}
        for one in found["policies"]
    ]


def scores(state: LineageState) -> dict[str, float]:
    """By key, what each champion of production scored before the next trained on it."""
    return {
        key: metrics["auc"]
        for version in state.versions.values()
        if version.trained is not None
        for key, metrics in version.trained.scores.items()
    }
