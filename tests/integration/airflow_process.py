"""Running something as Airflow would, and waiting for what it does."""

from __future__ import annotations

import atexit
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any, TextIO

from ckpt_ops.embedded.airflow import airflow_environment
from ckpt_ops.embedded.settings import Settings

PROJECT = Path(__file__).parents[2]


_PATHS = [str(PROJECT / each) for each in ("", "plugins", "dags", "tests/dags")]

# Imports Airflow once, as the dag-processor does, and like that one forks for each piece of work.
_FORKING = """
import json, os, sys
import airflow.sdk, airflow.models.serialized_dag, airflow.serialization.serialized_objects
import airflow.providers.standard.operators.hitl

for line in sys.stdin:
    asked = json.loads(line)
    child = os.fork()
    if child == 0:
        said = os.open(asked["said"], os.O_WRONLY | os.O_CREAT)
        for stream in (1, 2):
            os.dup2(said, stream)
        os.environ.clear()
        os.environ.update(asked["environment"])
        code = 1
        try:
            exec(compile(asked["script"], "script", "exec"), {"__name__": "__main__"})
            code = 0
        except BaseException:
            sys.excepthook(*sys.exc_info())
        finally:
            sys.stdout.flush()
            sys.stderr.flush()
            os._exit(code)
    code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    os.write(int(sys.argv[1]), f"{code}\\n".encode())
"""


def _variables(settings: Settings, environment: dict[str, str]) -> dict[str, str]:
    named = airflow_environment(settings, environ=environment)
    return {**environment, **named, "PYTHONPATH": os.pathsep.join(_PATHS)}


def in_a_fresh_process(script: str, settings: Settings, environment: dict[str, str]) -> Any:
    """Runs the script where nothing is imported yet, and returns the JSON of its last line."""
    done = subprocess.run(
        [sys.executable, "-c", script],
        env=_variables(settings, environment),
        cwd=PROJECT,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout.splitlines()[-1])


def in_a_process(script: str, settings: Settings, environment: dict[str, str]) -> Any:
    """Runs the script as the dag-processor would, which has imported Airflow, and returns as above."""
    variables = _variables(settings, environment)
    forking, answers = _forking()
    with tempfile.TemporaryDirectory() as folder:
        said = Path(folder, "said")
        asked = {"script": script, "environment": variables, "said": str(said)}
        assert forking.stdin is not None
        forking.stdin.write(json.dumps(asked).encode() + b"\n")
        forking.stdin.flush()
        code = answers.readline()
        told = said.read_text() if said.exists() else ""
    assert code == "0\n", told or f"it ended: {forking.poll()}"
    return json.loads(told.splitlines()[-1])


@cache
def _forking() -> tuple[subprocess.Popen[bytes], TextIO]:
    """The process that forks, and its answers. It ends with this one, whose end closes its input."""
    home = tempfile.mkdtemp(prefix="ckpt-ops-airflow-")
    atexit.register(shutil.rmtree, home, ignore_errors=True)
    reading, writing = os.pipe()
    forking = subprocess.Popen(
        [sys.executable, "-c", _FORKING, str(writing)],
        env={**os.environ, "AIRFLOW_HOME": home, "PYTHONPATH": os.pathsep.join(_PATHS)},
        cwd=PROJECT,
        stdin=subprocess.PIPE,
        pass_fds=[writing],
    )
    os.close(writing)
    return forking, os.fdopen(reading)


def eventually(check: Callable[[], Any], *, seconds: float = 90.0) -> Any:
    """What `check` returns, once that is true; fails when it takes too long."""
    deadline = time.monotonic() + seconds
    while not (found := check()):
        assert time.monotonic() < deadline, "did not happen in time"
        time.sleep(0.3)
    return found
