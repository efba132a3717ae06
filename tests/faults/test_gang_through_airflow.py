"""A gang of Airflow tasks: one is killed, all are retried as one, and the run ends as if nothing had been."""

from __future__ import annotations

import os
import signal
from pathlib import Path
from typing import Any

import pytest
from training import KEYS, commits, land, trainings, until, weights

from ckpt_ops.embedded.platform import Platform
from ckpt_ops.embedded.settings import LANDING, STORE
from ckpt_ops.lineage import CandidateLog, ModelLog
from ckpt_ops.pipeline import load_pipeline
from ckpt_ops.runs import steps
from ckpt_ops.store import LocalStore, Store, open_store

pytestmark = [pytest.mark.slow, pytest.mark.soak]

DAGS = Path(__file__).parents[1] / "dags"


@pytest.fixture
def store(platform: Platform, monkeypatch: pytest.MonkeyPatch) -> Store:
    """The platform's own store, with the landing bucket filled."""
    monkeypatch.setenv("STORAGE_EMULATOR_HOST", platform.gcs_endpoint)
    land(open_store(LANDING))
    return open_store(STORE)


def _tasks(platform: Platform) -> dict[str, str]:
    """The state of each task of the run, by its name and, where it is mapped, its place."""
    (run,) = platform.api("GET", "dags/shared/dagRuns")["dag_runs"]
    found = platform.api("GET", f"dags/shared/dagRuns/{run['dag_run_id']}/taskInstances")["task_instances"]
    return {f"{one['task_id']} {one['map_index']}": one["state"] for one in found}


def test_a_killed_worker_is_retried_with_the_others_and_the_version_is_promoted(
    platform: Platform, store: Store, tmp_path: Path, landing: LocalStore
) -> None:
    day = f"{KEYS[0]}T00:00:00Z"
    asked: dict[str, Any] = {"dag_id": "shared", "from_date": day, "to_date": day, "max_active_runs": 1}
    asked |= {"reprocess_behavior": "completed", "run_backwards": False, "dag_run_conf": {}}
    until("the DAG is there", lambda: _known(platform), seconds=60)
    platform.api("POST", "backfills", asked)

    until("two commits", lambda: commits(store, model="shared") >= 2, seconds=240)
    os.kill(trainings(store)[-1], signal.SIGKILL)
    until("a second attempt", lambda: CandidateLog(store, "shared", 1).progress().attempts == 2, seconds=240)
    until("the promotion", lambda: ModelLog(store, "shared").state().head == 1, seconds=240)
    tasks = until("the end", lambda: _ended(platform), seconds=60)
    assert tasks["train -1"] == tasks["train_worker 0"] == "success"

    whole = LocalStore(tmp_path)
    pipeline = load_pipeline("shared", DAGS)
    pulled = steps.pull(pipeline, whole, KEYS[0])
    assert steps.validate(pipeline, whole, KEYS[0], pulled.revision).outcome == "accepted"
    steps.train_here(pipeline, whole, KEYS[0], lambda line: None)
    assert weights(store, model="shared") == weights(whole, model="shared")


def _known(platform: Platform) -> bool:
    return any(one["dag_id"] == "shared" for one in platform.api("GET", "dags?limit=100")["dags"])


def _ended(platform: Platform) -> dict[str, str] | None:
    found = _tasks(platform)
    return found if found.get("promote -1") == "success" else None
