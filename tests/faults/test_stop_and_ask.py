"""A training process saves for who asks, and before it ends on SIGTERM; its weights stay the same."""

from __future__ import annotations

import json
import os
import signal
import threading
from pathlib import Path
from typing import Any

import pytest
from training import KEYS, trainings, weights
from typer.testing import CliRunner

from ckpt_ops.checkpoints import SaveRequest
from ckpt_ops.checkpoints.requests import answer_to, ask
from ckpt_ops.cli.main import app
from ckpt_ops.errors import TrainingInterrupted
from ckpt_ops.lineage import CandidateLog
from ckpt_ops.pipeline import Pipeline
from ckpt_ops.runs import steps
from ckpt_ops.store import LocalStore

pytestmark = pytest.mark.slow


def test_save_now_sigterm_and_the_retry_leave_the_weights_of_an_undisturbed_run(
    steady: Pipeline, landing: LocalStore, undisturbed: tuple[Any, ...], tmp_path: Path
) -> None:
    store = LocalStore(tmp_path)
    pulled = steps.pull(steady, store, KEYS[0])
    steps.validate(steady, store, KEYS[0], pulled.revision)
    asked: list[Any] = []

    def ask_at_the_command_line() -> None:
        arguments = ["save-now", "steady", "--at-step", "7", "--wait", "--json", "--store", store.url]
        asked.append(CliRunner().invoke(app, arguments))
        os.kill(trainings(store)[0], signal.SIGTERM)

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

    late = SaveRequest(at_step=10**9)
    ask(store, "steady", late)
    resumed: list[str] = []
    steps.train(steady, store, KEYS[0], resumed.append)
    assert f"resuming at step {commits[-1].step}" in resumed
    assert weights(store) == undisturbed
    told = answer_to(store, "steady", late.id)
    assert told is not None
    assert "ended at step" in told.why

    over = CliRunner().invoke(app, ["save-now", "steady", "--store", store.url])
    assert over.exit_code == 2
    assert "has ended" in over.stderr
