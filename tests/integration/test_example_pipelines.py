"""The pipelines in `dags/` that learn from other data than flights, on their own first slices."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import pytest

from ckpt_ops.lineage import CandidateLog, ModelLog
from ckpt_ops.pipeline import load_pipeline, steps
from ckpt_ops.store import LocalStore
from demo import ratings, weather

PROJECT = Path(__file__).parents[2]
RATINGS, MONTHS = ["1996", "1997"], ["2013-01", "2013-02", "2013-03"]


@pytest.fixture(scope="module")
def ran(
    tmp_path_factory: pytest.TempPathFactory, training_here: Callable[[], AbstractContextManager[None]]
) -> tuple[LocalStore, dict[str, list[dict[str, Any]]]]:
    """The store after the first slices of each, and what their runs came to."""
    home = tmp_path_factory.mktemp("examples")
    for name in ("landing", "store"):
        (home / name).mkdir()
    landing, store = LocalStore(home / "landing"), LocalStore(home / "store")
    ratings.land(landing, keys=RATINGS)
    weather.land(landing, keys=MONTHS)
    with pytest.MonkeyPatch.context() as patch, training_here():
        patch.setenv("CKPT_OPS_LANDING", landing.url)
        results = {
            name: [
                steps.run_slice(load_pipeline(name, PROJECT / "dags"), store, key, lambda line: None)
                for key in keys
            ]
            for name, keys in {"movie_ratings": RATINGS, "rain": MONTHS}.items()
        }
    return store, results


Ran = tuple[LocalStore, dict[str, list[dict[str, Any]]]]


def test_every_year_of_ratings_makes_a_version(ran: Ran) -> None:
    decisions = [one["decision"] for one in ran[1]["movie_ratings"]]
    assert decisions == ["promoted", "promoted"], ran[1]["movie_ratings"]


def test_rain_is_learned_every_second_month(ran: Ran) -> None:
    first, second, third = ran[1]["rain"]
    assert first["decision"] == "promoted", first
    assert second["decision"] in ("deferred", "promoted"), second  # MetricDrop may find it due at once
    assert third["decision"] in ("deferred", "promoted"), third


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


@pytest.mark.parametrize("name", ["movie_ratings", "rain"])
def test_its_dag_can_be_read_without_tensorflow(name: str, clean_environment: dict[str, str]) -> None:
    ids = "dag.dag_id, rebase.dag_id"
    code = f"import sys; from {name}.dag import dag, rebase; print({ids}, 'tensorflow' in sys.modules)"
    paths = os.pathsep.join(str(PROJECT / folder) for folder in ("dags", "plugins", "."))
    found = subprocess.run(
        [sys.executable, "-c", code],
        env=clean_environment | {"PYTHONPATH": paths},
        capture_output=True,
        text=True,
        check=True,
    )
    assert found.stdout.split()[-3:] == [name, f"{name}_rebase", "False"]
