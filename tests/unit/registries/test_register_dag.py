"""The DAG that tells registries: when it runs, and what becomes of one that does not answer."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("airflow")

from test_register import Bucket, Kept, promoted, say

from ckpt_ops.errors import BadInput, RegistryUnavailable
from ckpt_ops.pipeline import Pipeline, load_pipeline
from ckpt_ops_airflow import register_dag

PROJECT = Path(__file__).parents[3]


TOLD = """
from dataclasses import replace
import steady.pipeline as other
from test_register import Kept
told = replace(other.steady, name="told", registries=(Kept(calls_left=0), Kept()))
"""


@pytest.fixture
def told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Pipeline:
    """A pipeline with two registries; the first does not answer."""
    monkeypatch.syspath_prepend(PROJECT / "tests" / "dags")
    (tmp_path / "dags" / "told").mkdir(parents=True)
    (tmp_path / "dags" / "told" / "pipeline.py").write_text(TOLD)
    return load_pipeline("told", tmp_path / "dags")


def test_it_runs_after_promotions_and_by_the_clock(told: Pipeline) -> None:
    dag = register_dag(told)
    assert (dag.dag_id, dag.max_active_runs, dag.catchup) == ("told_register", 1, False)
    schedule: Any = dag.timetable
    assert [one.uri for one in schedule.asset_condition.objects] == ["ckpt-ops://told/production"]
    assert schedule.timetable.expression == "*/15 * * * *"


def test_without_a_registry_there_is_nothing_to_tell(told: Pipeline) -> None:
    import steady.pipeline

    with pytest.raises(BadInput, match="registries"):
        register_dag(steady.pipeline.steady)
    with pytest.raises(BadInput, match="registries"):
        replace(told, registries=("https://mlflow",))


def test_one_that_does_not_answer_keeps_no_other_from_being_told(told: Pipeline, tmp_path: Path) -> None:
    silent, other = told.registries
    assert isinstance(silent, Kept)
    assert isinstance(other, Kept)
    task: Any = register_dag(told).get_task("register")
    store = Bucket(tmp_path)
    say(store, *promoted(1), model="told")
    with pytest.raises(RegistryUnavailable):
        task.step(store, {})
    assert other.head == 1
    silent.calls_left = 3
    found = task.step(store, {})
    assert [(one.added, one.production) for one in found] == [((1,), 1), ((), 1)]
    assert task.message(found)[1] == "a registry in memory: versions added: none; production: 1"
