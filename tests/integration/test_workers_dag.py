"""Where a pipeline says Workers, its DAG has a task for each; no other DAG changes."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from airflow_process import in_a_process

from ckpt_ops.embedded.settings import Settings

DAGS = """
import json
from datetime import UTC, datetime
from pathlib import Path

from airflow.serialization.serialized_objects import DagSerialization

from ckpt_ops.pipeline import load_pipeline
from ckpt_ops_airflow import retraining_dag

shared = load_pipeline("shared", Path("tests/dags"))
told = {"start_date": datetime(2013, 1, 6, tzinfo=UTC), "retries": 2}
dag = retraining_dag(shared, **told)
with_one = retraining_dag(load_pipeline("steady", Path("tests/dags")), **told)
written = DagSerialization.to_dict
worker = dag.get_task("train_worker")
print(json.dumps({
    "tasks": {t.task_id: sorted(t.upstream_task_ids) for t in dag.topological_sort()},
    "one": {t.task_id: sorted(t.upstream_task_ids) for t in with_one.topological_sort()},
    "mapped over": worker.op_kwargs if hasattr(worker, "op_kwargs") else worker.expand_input.value,
    "queue": worker.partial_kwargs["queue"],
    "retries": worker.retries,
    "at once": worker.max_active_tis_per_dag,
    "same each time": written(dag) == written(retraining_dag(shared, **told)),
}))
"""


@pytest.fixture(scope="module")
def found(
    tmp_path_factory: pytest.TempPathFactory,
    settings_in: Callable[[Path], Settings],
    clean_environment: dict[str, str],
) -> Any:
    folder = tmp_path_factory.mktemp("workers")
    environment = {
        **clean_environment,
        "CKPT_OPS_STORE": f"file://{folder}",
        "AIRFLOW__CKPT_OPS__TRAINING_QUEUE": "gpu",
    }
    return in_a_process(DAGS, settings_in(folder), environment)


def test_each_worker_but_the_first_is_a_mapped_task_beside_train(found: Any) -> None:
    assert found["tasks"]["train"] == found["tasks"]["train_worker"] == ["decide"]
    assert found["tasks"]["evaluate"] == ["train", "train_worker"]
    assert found["mapped over"] == {"worker": [1]}


def test_they_wait_in_the_training_queue_and_are_retried_as_the_first_is(found: Any) -> None:
    assert found["queue"] == "gpu"
    assert found["retries"] == 2
    assert found["at once"] == 1


def test_a_dag_of_one_process_has_no_such_task(found: Any) -> None:
    assert "train_worker" not in found["one"]
    assert found["one"]["evaluate"] == ["train"]


def test_parsing_it_again_makes_no_new_version_of_it(found: Any) -> None:
    assert found["same each time"]
