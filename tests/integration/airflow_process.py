"""Running something as Airflow would, and waiting for what it does."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from ckpt_ops.embedded.airflow import airflow_environment
from ckpt_ops.embedded.settings import Settings

PROJECT = Path(__file__).parents[2]


def in_a_fresh_process(script: str, settings: Settings, environment: dict[str, str]) -> Any:
    """Runs the script as the dag-processor would, and returns the JSON of its last line."""
    done = subprocess.run(
        [sys.executable, "-c", script],
        env={
            **environment,
            **airflow_environment(settings, environ=environment),
            "PYTHONPATH": ":".join(str(PROJECT / each) for each in ("", "plugins", "dags", "tests/dags")),
        },
        cwd=PROJECT,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout.splitlines()[-1])


def eventually(check: Callable[[], Any], *, seconds: float = 90.0) -> Any:
    """What `check` returns, once that is true; fails when it takes too long."""
    deadline = time.monotonic() + seconds
    while not (found := check()):
        assert time.monotonic() < deadline, "did not happen in time"
        time.sleep(0.3)
    return found
