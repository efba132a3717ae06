"""A training process saves for who asks, is watched, and saves before it ends on SIGTERM."""

from __future__ import annotations

import json
import os
import signal
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from training import KEYS, reports, seen, trainings, until, weights
from typer.testing import CliRunner

from ckpt_ops.checkpoints import SaveRequest
from ckpt_ops.checkpoints.requests import answer_to, ask
from ckpt_ops.cli.main import app
from ckpt_ops.errors import TrainingInterrupted
from ckpt_ops.lineage import CandidateLog
from ckpt_ops.pipeline import Pipeline
from ckpt_ops.runs import steps
from ckpt_ops.store import LocalStore
from ckpt_ops.views.shapes import TrainingNow

pytestmark = pytest.mark.slow


def test_save_now_sigterm_and_the_retry_leave_the_weights_of_an_undisturbed_run(
    steady: Pipeline, landing: LocalStore, undisturbed: tuple[Any, ...], tmp_path: Path
) -> None:
    store = LocalStore(tmp_path)
    pulled = steps.pull(steady, store, KEYS[0])
    steps.validate(steady, store, KEYS[0], pulled.revision)
    asked: list[Any] = []
    watched: list[TrainingNow] = []

    def ask_at_the_command_line() -> None:
        arguments = ["save-now", "steady", "--at-step", "7", "--wait", "--json", "--store", store.url]
        asked.append(CliRunner().invoke(app, arguments))
        (training,) = trainings(store)
        os.kill(training, signal.SIGSTOP)  # it would be at its end before the next report of it
        watched.append(until("a report of that save", _with_a_save(store), seconds=60))
        os.kill(training, signal.SIGTERM)
        os.kill(training, signal.SIGCONT)

    def report(line: str) -> None:
        if line.startswith("version 1, attempt"):
            threads.append(threading.Thread(target=ask_at_the_command_line))
            threads[-1].start()

    threads: list[threading.Thread] = []
    with pytest.raises(TrainingInterrupted, match="asked to end at step") as interrupted:
        steps.train(steady, store, KEYS[0], report)
    threads[0].join()

    said = json.loads(asked[0].stdout)
    answer, commits = said["answer"], CandidateLog(store, "steady", 1).progress().commits
    assert said["version"] == 1
    assert answer["done"], answer
    assert answer["step"] >= 7
    assert answer["objects"][0] in [commit.manifest for commit in commits], "what is answered is committed"
    assert f"step {commits[-1].step} is saved and committed" in str(interrupted.value)

    saved = {commit.step: commit for commit in commits}
    (found,) = watched
    assert (found.version, found.attempt, found.slices, found.lost) == (1, 1, (KEYS[0],), False)
    assert 0 < found.step <= found.last
    assert set(found.metrics) >= {"loss"}
    assert {step for step, _, _ in found.saves} <= saved.keys()
    over = seen(store)
    assert over is not None
    assert (over.phase, over.attempt, over.step) == ("ended", 1, commits[-1].step)

    late = SaveRequest(at_step=10**9)
    ask(store, "steady", late)
    resumed: list[str] = []
    attempts: set[int] = set()

    def resuming(line: str) -> None:
        resumed.append(line)
        now = seen(store)
        attempts.update([now.attempt] if now is not None and not now.lost else [])

    steps.train(steady, store, KEYS[0], resuming)
    assert f"resuming at step {commits[-1].step}" in resumed
    assert weights(store) == undisturbed
    assert 2 in attempts, "the retry took over what the first attempt had left"
    assert seen(store) is None
    assert reports(store) == []
    told = answer_to(store, "steady", late.id)
    assert told is not None
    assert "ended at step" in told.why

    over = CliRunner().invoke(app, ["save-now", "steady", "--store", store.url])
    assert over.exit_code == 2
    assert "has ended" in over.stderr


def _with_a_save(store: LocalStore) -> Callable[[], TrainingNow | None]:
    """Asks for what a page shows, once it shows steps and a save."""

    def look() -> TrainingNow | None:
        found = seen(store)
        return found if found is not None and found.step and found.saves else None

    return look
