"""The same through Airflow: its training is killed, then its worker; the run ends as if nothing had been."""

from __future__ import annotations

import json
import os
import signal
from pathlib import Path
from typing import Any

import pytest
from training import KEYS, alive, commits, land, parent, reports, seen, trainings, until, weights

from ckpt_ops.embedded.platform import Platform
from ckpt_ops.embedded.settings import LANDING, STORE
from ckpt_ops.lineage import CandidateLog, ModelLog
from ckpt_ops.store import Store, open_store

pytestmark = pytest.mark.slow


@pytest.fixture
def store(platform: Platform, monkeypatch: pytest.MonkeyPatch) -> Store:
    """The platform's own store, with the landing bucket filled."""
    monkeypatch.setenv("STORAGE_EMULATOR_HOST", platform.gcs_endpoint)
    land(open_store(LANDING))
    return open_store(STORE)


def _attempts(store: Store) -> int:
    return CandidateLog(store, "steady", 1).progress().attempts


def _run_state(platform: Platform) -> dict[str, Any]:
    runs = platform.api("GET", "dags/steady/dagRuns")["dag_runs"]
    return runs[0] if runs else {}


def test_a_killed_training_and_a_killed_worker_leave_the_weights_of_an_undisturbed_run(
    platform: Platform, store: Store, undisturbed: tuple[Any, ...]
) -> None:
    day = f"{KEYS[0]}T00:00:00Z"
    backfill = {
        "dag_id": "steady",
        "from_date": day,
        "to_date": day,
        "max_active_runs": 1,
        "reprocess_behavior": "completed",
        "run_backwards": False,
        "dag_run_conf": {},
    }
    until("the DAG is there", lambda: _known(platform), seconds=60)
    platform.api("POST", "backfills", backfill)

    # the training process dies in the middle
    until("two commits of the first attempt", lambda: commits(store) >= 2, seconds=120)
    os.kill(trainings(store)[0], signal.SIGKILL)

    # the retry's worker dies, while its training process sleeps through it
    until("a second attempt", lambda: _attempts(store) == 2, seconds=120)
    before = commits(store)
    until("commits of the second attempt", lambda: commits(store) >= before + 2, seconds=120)
    zombie = trainings(store)[0]
    os.kill(zombie, signal.SIGSTOP)
    task = parent(zombie)
    for dying in (parent(task), task):  # a task that outlives its supervisor would end its training in time
        os.kill(dying, signal.SIGKILL)
    left = seen(store, later=61.0)
    assert left is not None
    assert (left.attempt, left.lost) == (2, True), "nobody reports of it any more"

    # a third attempt goes on; then the zombie wakes
    until("a third attempt", lambda: _attempts(store) == 3, seconds=240)
    until("it is taken over", lambda: (now := seen(store)) and now.attempt == 3 and not now.lost, seconds=60)
    assert alive(zombie), "the old training process should have outlived its worker"
    # held open, so that it can be read after the process, and whatever file system it sees
    folder = Path(f"/proc/self/fd/{os.open(f'/proc/{zombie}/cwd', os.O_PATH)}")
    os.kill(zombie, signal.SIGCONT)
    until("the zombie ended itself", lambda: not alive(zombie), seconds=60)
    answer = json.loads((folder / "answer.json").read_text())
    assert answer["error"]["classes"][0] == "ckpt_ops.errors:Fenced", answer
    assert "of another attempt" in answer["error"]["what"]
    assert "\nFenced: " in (folder / "train.log").read_text()
    state = until(
        "the run has ended",
        lambda: (run := _run_state(platform)).get("state") in ("success", "failed") and run,
        seconds=240,
    )

    assert state["state"] == "success", state
    assert weights(store) == undisturbed
    log = CandidateLog(store, "steady", 1).progress()
    steps = [commit.step for commit in log.commits]
    assert steps == sorted(set(steps)), "a step was committed twice"
    model = ModelLog(store, "steady").state()
    assert model.head == 1
    assert list(model.consumed) == [KEYS[0]]
    assert seen(store) is None
    assert reports(store) == []


def _known(platform: Platform) -> bool:
    return any(dag["dag_id"] == "steady" for dag in platform.api("GET", "dags")["dags"])
