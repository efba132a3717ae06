"""A real Celery worker, with a task below it as Airflow starts one, is stopped."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

PROJECT = Path(__file__).parents[3]

APP = """
import subprocess, sys
from celery import Celery

app = Celery("app", broker="filesystem://")
folders = dict.fromkeys(("data_folder_in", "data_folder_out", "control_folder"), "messages")
app.conf.update(broker_transport_options=folders, imports=["team.stopping"])

@app.task
def run():
    subprocess.run([sys.executable, "task.py"], process_group=0)
"""

TASK = """
import signal, sys
from pathlib import Path

def save(*_):
    Path("saved").touch()
    sys.exit()

signal.signal(signal.SIGTERM, save)
signal.alarm(180)  # whatever becomes of the test
Path("started").touch()
while True:
    signal.pause()
"""


@pytest.fixture
def worker(tmp_path: Path) -> Iterator[subprocess.Popen[bytes]]:
    """Two processes, one of them with a task."""
    (tmp_path / "messages").mkdir()
    (tmp_path / "app.py").write_text(APP)
    (tmp_path / "task.py").write_text(TASK)
    environment = {**os.environ, "PYTHONPATH": f"{PROJECT}:{tmp_path}"}
    call = [sys.executable, "-c", "from app import run; run.delay()"]
    subprocess.run(call, cwd=tmp_path, env=environment, check=True)
    with (tmp_path / "worker.log").open("wb") as log:
        running = subprocess.Popen(
            [sys.executable, "-m", "celery", "-A", "app", "worker", "--concurrency", "2"],
            cwd=tmp_path,
            env=environment,
            stdout=log,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    yield running
    if running.poll() is None:
        os.killpg(running.pid, signal.SIGKILL)
        running.wait()


def test_its_task_is_asked_and_then_it_ends(worker: subprocess.Popen[bytes], tmp_path: Path) -> None:
    deadline = time.monotonic() + 60
    while not (tmp_path / "started").exists():
        assert worker.poll() is None, (tmp_path / "worker.log").read_text()
        assert time.monotonic() < deadline, "the task has not started"
        time.sleep(0.1)
    worker.terminate()
    assert worker.wait(60) == 0, (tmp_path / "worker.log").read_text()
    assert (tmp_path / "saved").exists()
