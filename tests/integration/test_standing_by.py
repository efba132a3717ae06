"""A real training by an interpreter that stood by: the same bits, also when it is killed and resumed."""

from __future__ import annotations

import os
import shutil
import signal
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from steady_weeks import land, week, weights

from ckpt_ops.candidates.standing_by import MODEL, expect_training
from ckpt_ops.errors import TrainingDied
from ckpt_ops.lineage import ModelLog
from ckpt_ops.pipeline import Pipeline, load_pipeline
from ckpt_ops.pipeline.model_work import surroundings_of
from ckpt_ops.runs import steps
from ckpt_ops.store import LocalStore
from ckpt_ops.worker.standby import end_all, settings
from ckpt_ops.worker.standby.connecting import ask, connect
from ckpt_ops.worker.standby.fingerprint import fingerprint
from ckpt_ops.worker.standby.messages import peer

pytestmark = pytest.mark.slow

KEY = "2013-01-06"


@pytest.fixture
def pipeline(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Pipeline]:
    (tmp_path / "landing").mkdir()
    landing = LocalStore(tmp_path / "landing")
    monkeypatch.setenv("CKPT_OPS_LANDING", landing.url)
    land(landing, KEY, week(KEY))
    short = tempfile.mkdtemp(prefix="s-", dir="/tmp")
    monkeypatch.setenv("TMPDIR", short)
    monkeypatch.setattr(tempfile, "tempdir", None)
    yield load_pipeline("brief", Path(__file__).parents[1] / "dags")
    end_all()
    shutil.rmtree(short, ignore_errors=True)


def ready(pipeline: Pipeline) -> int:
    """The keeper of the interpreter that stands by for the pipeline's trainings, once it is ready."""
    folder = settings.folder()
    assert folder is not None
    of = fingerprint(MODEL, surroundings_of(pipeline).environment())
    until = time.monotonic() + 120
    while time.monotonic() < until:
        line = connect(folder / "model.sock")
        if line is not None:
            answer = ask(line, {"ask": "status", "of": of})
            keeper, _ = peer(line.socket)
            line.close()
            if answer and answer["ready"]:
                return keeper
        time.sleep(0.1)
    raise AssertionError("no interpreter stands by")


def trained(
    pipeline: Pipeline, folder: Path, report: Callable[[str], None] = lambda line: None
) -> dict[str, bytes]:
    """The weights of what the slice makes, in a store of its own."""
    folder.mkdir(exist_ok=True)
    store = LocalStore(folder)
    assert steps.run_slice(pipeline, store, KEY, report).version == 1
    return weights(store, ModelLog(store, pipeline.name).state())


def test_the_weights_are_the_same_with_and_without(
    pipeline: Pipeline, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CKPT_OPS_STANDBY", "off")
    fresh = trained(pipeline, tmp_path / "fresh")
    monkeypatch.setenv("CKPT_OPS_STANDBY", "600")
    expect_training(pipeline)
    keeper = ready(pipeline)
    assert trained(pipeline, tmp_path / "standby") == fresh
    following = ready(pipeline)
    assert following != keeper, "a job takes it once, and the next one warms up after it"

    def kill(line: str) -> None:
        if line.startswith("checkpoint at step"):
            os.kill(interpreter_of(following), signal.SIGKILL)

    with pytest.raises(TrainingDied, match="killed by signal 9"):
        trained(pipeline, tmp_path / "killed", kill)
    assert trained(pipeline, tmp_path / "killed") == fresh


def interpreter_of(keeper: int) -> int:
    return int(Path(f"/proc/{keeper}/task/{keeper}/children").read_text().split()[0])
