"""The pipelines in `dags/` on their own first slices, and what a model server makes of them."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from ckpt_ops.candidates.data import consumed_before, load_data
from ckpt_ops.checkpoints.verify import Condition, verify
from ckpt_ops.checkpoints.verify_files import verify_files
from ckpt_ops.lineage import CandidateLog, ModelLog
from ckpt_ops.pipeline import load_pipeline
from ckpt_ops.promotion import rollback
from ckpt_ops.runs import steps
from ckpt_ops.runs.evaluate import read_evaluated_rows
from ckpt_ops.store import LocalStore, Store
from demo import flights, ratings, weather

PROJECT = Path(__file__).parents[2]
SERVER = Path(__file__).with_name("model_server.py")
RATINGS, MONTHS, WEEKS = ["1996", "1997"], ["2013-01", "2013-02", "2013-03"], ["2013-01-06"]
ASKED = 200  # rows of each model, in one request


@pytest.fixture(scope="module")
def ran(
    tmp_path_factory: pytest.TempPathFactory, training_here: Callable[[], AbstractContextManager[None]]
) -> tuple[LocalStore, dict[str, list[steps.SliceRun]]]:
    """The store after the first slices of each, and what their runs came to."""
    home = tmp_path_factory.mktemp("examples")
    for name in ("landing", "store"):
        (home / name).mkdir()
    landing, store = LocalStore(home / "landing"), LocalStore(home / "store")
    ratings.land(landing, keys=RATINGS)
    weather.land(landing, keys=MONTHS)
    flights.land(landing, keys=WEEKS)
    with pytest.MonkeyPatch.context() as patch, training_here():
        patch.setenv("CKPT_OPS_LANDING", landing.url)
        results = {
            name: [
                steps.run_slice(load_pipeline(name, PROJECT / "dags"), store, key, lambda line: None)
                for key in keys
            ]
            for name, keys in {"movie_ratings": RATINGS, "rain": MONTHS, "flight_delay": WEEKS}.items()
        }
    return store, results


Ran = tuple[LocalStore, dict[str, list[steps.SliceRun]]]


def test_every_year_of_ratings_makes_a_version(ran: Ran) -> None:
    decisions = [one.decision for one in ran[1]["movie_ratings"]]
    assert decisions == ["promoted", "promoted"], ran[1]["movie_ratings"]


def test_rain_is_learned_every_second_month(ran: Ran) -> None:
    first, second, third = ran[1]["rain"]
    assert first.decision == "promoted", first
    assert second.decision in ("deferred", "promoted"), second  # MetricDrop may find it due at once
    assert third.decision in ("deferred", "promoted"), third


def test_people_are_ranked_and_stars_are_numbers(ran: Ran) -> None:
    state = ModelLog(ran[0], "movie_ratings").state()
    evaluated = state.version(state.head or 0).evaluated
    assert evaluated is not None
    assert {"rmse", "mae", "r2", "ndcg", "mrr"} <= evaluated.metrics["candidate"].keys()
    assert "auc" not in evaluated.metrics["candidate"]


def test_rain_is_judged_by_what_says_something_of_rare_labels(ran: Ran) -> None:
    evaluated = ModelLog(ran[0], "rain").state().version(1).evaluated
    assert evaluated is not None
    assert evaluated.metrics["candidate"]["average_precision"] > 0.3


def test_a_year_of_films_is_saved_as_the_films_that_it_touched(ran: Ran) -> None:
    commits = CandidateLog(ran[0], "movie_ratings", 2).progress().commits
    table = 200_000 * 16 * 4  # bytes of the films' factors alone, without the optimizer's
    assert sum(commit.uploaded for commit in commits) < table


# --- a model server -------------------------------------------------------------------------------


@dataclass(frozen=True, kw_only=True)
class Asked:
    """A question to a model server, and what was evaluated of the same rows.

    Attributes:
        base: the folder that the server watches: a copy of `models/M/serving/`, and nothing else.
        version: the head.
    """

    base: Path
    version: int
    instances: list[dict[str, Any]]
    evaluated: Any

    @classmethod
    def of(cls, store: Store, name: str, base: Path) -> Asked:
        """About the first held-out rows of the head."""
        pipeline, state = load_pipeline(name, PROJECT / "dags"), ModelLog(store, name).state()
        version = state.version(state.head or 0)
        held_out = load_data(pipeline, store, version, consumed_before(state, version)).holdout.inputs
        rows = slice(ASKED)
        columns = {each: np.asarray(column)[rows].tolist() for each, column in held_out.items()}
        for entry in store.list(f"models/{name}/serving/"):
            path = base / entry.name.removeprefix(f"models/{name}/serving/")
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(store.get(entry.name))
        return cls(
            base=base,
            version=version.version,
            instances=[
                {each: _plain(values[row]) for each, values in columns.items()}
                for row in range(len(next(iter(columns.values()))))
            ],
            evaluated=read_evaluated_rows(store, version, model=name).candidate[rows],
        )


def _plain(value: Any) -> Any:
    return value.decode() if isinstance(value, bytes) else value


@pytest.fixture(scope="module")
def served(
    ran: Ran, tmp_path_factory: pytest.TempPathFactory, clean_environment: dict[str, str]
) -> dict[str, tuple[Asked, dict[str, Any]]]:
    """Each model's questions and answers, of one server process; one more after a rollback."""
    home, (store, _) = tmp_path_factory.mktemp("served"), ran
    asked = {name: Asked.of(store, name, home / name) for name in ("flight_delay", "movie_ratings", "rain")}
    rolled_back = LocalStore(shutil.copytree(store.root, home / "store"))
    rollback(rolled_back, "movie_ratings", 1, "to see what is served then")
    asked["rolled back"] = Asked.of(rolled_back, "movie_ratings", home / "rolled back")
    questions, answers = home / "questions.json", home / "answers.json"
    questions.write_text(
        json.dumps([{"base": str(one.base), "instances": one.instances} for one in asked.values()])
    )
    subprocess.run(
        [sys.executable, "-I", SERVER, questions, answers], env=clean_environment, cwd=home, check=True
    )
    return dict(zip(asked, zip(asked.values(), json.loads(answers.read_text()), strict=True), strict=True))


@pytest.mark.parametrize("name", ["flight_delay", "movie_ratings", "rain", "rolled back"])
def test_a_model_server_says_what_was_judged(
    served: dict[str, tuple[Asked, dict[str, Any]]], name: str
) -> None:
    asked, said = served[name]
    assert said["version"] == asked.version
    assert said["warmed up"] == [1, 32], "rows of the requests that the server sent to itself before"
    assert len(said["predictions"]) == len(asked.instances) == ASKED
    assert np.ptp(asked.evaluated) > 0.01, "it says something of the rows"
    assert np.reshape(said["predictions"], ASKED) == pytest.approx(asked.evaluated, abs=1e-6)


def test_after_a_rollback_the_head_is_the_highest_version_that_a_server_finds(
    served: dict[str, tuple[Asked, dict[str, Any]]],
) -> None:
    before, after = served["movie_ratings"][0], served["rolled back"][0]
    assert (before.version, after.version) == (2, 1)
    assert sorted(path.name for path in before.base.iterdir()) == ["1", "2"]
    assert sorted(path.name for path in after.base.iterdir()) == ["1"]


@pytest.mark.parametrize("name", ["flight_delay", "movie_ratings", "rain"])
def test_everything_of_it_is_as_it_was_written(ran: Ran, name: str) -> None:
    """Real exports have variables beside their graph; every file is named by hash, served ones too."""
    store, state = ran[0], ModelLog(ran[0], name).state()
    checked = verify_files(store, state, state.versions)
    assert {one.condition for one in checked} == {Condition.OK}, checked
    assert {one.kind for one in checked} >= {"export", "predictions", "served"}
    assert all(one.hashed and (one.files > 1 or one.kind not in ("export", "served")) for one in checked)
    assert all(one.hashed for one in verify(store, state, state.versions))


def test_their_dags_can_be_read_without_tensorflow(clean_environment: dict[str, str]) -> None:
    code = "import sys, movie_ratings.dag, rain.dag; found = movie_ratings.dag, rain.dag; "
    code += "dags = [dag.dag_id for one in found for dag in (one.dag, one.rebase, one.retrain, one.export)]; "
    code += "print(*dags, 'tensorflow' in sys.modules)"
    paths = os.pathsep.join(str(PROJECT / folder) for folder in ("dags", "plugins", "."))
    found = subprocess.run(
        [sys.executable, "-c", code],
        env=clean_environment | {"PYTHONPATH": paths},
        capture_output=True,
        text=True,
        check=True,
    )
    named = [
        *("movie_ratings", "movie_ratings_rebase", "movie_ratings_retrain", "movie_ratings_export"),
        *("rain", "rain_rebase", "rain_retrain", "rain_export"),
    ]
    assert found.stdout.split()[-9:] == [*named, "False"]
