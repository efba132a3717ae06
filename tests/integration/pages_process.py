"""Airflow's api-server with our plugin over a `stand_in.Place`, as its own process; see `pages_server`."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import pytest
from airflow_process import PROJECT
from stand_in import Place

from ckpt_ops.embedded.airflow import airflow_environment
from ckpt_ops.embedded.settings import Settings


@contextmanager
def pages_of(
    place: Place,
    settings: Settings,
    environment: Mapping[str, str],
    *,
    users: Mapping[str, str],
    runs: Sequence[Mapping[str, Any]] = (),
) -> Iterator[tuple[str, int]]:
    """Serves while the block runs; gives what it told when it started, and its process id.

    Args:
        users: by name, their roles.
        runs: that have ended, as `pages_server` takes them.
    """
    settings = replace(settings, dags_dir=place.folder / "dags")
    settings.airflow_home.mkdir(parents=True)
    said = {
        **environment,
        "CKPT_OPS_STORE": place.store.url,
        "CKPT_OPS_LANDING": place.landing.url,
        "CKPT_OPS_DAGS": str(place.folder / "dags"),
        "AIRFLOW__CORE__AUTH_MANAGER": "pages_auth.ByDag",
        "PAGES_RUNS": json.dumps(runs),
    }
    said |= airflow_environment(settings, environ=said)
    paths = [PROJECT, PROJECT / "plugins", PROJECT / "tests" / "integration", place.folder / "dags"]
    said["PYTHONPATH"] = os.pathsep.join(map(str, paths))
    log = place.folder / "server.log"
    with (
        log.open("w") as told,
        subprocess.Popen(
            [sys.executable, str(PROJECT / "tests/integration/pages_server.py")],
            env=said,
            cwd=PROJECT,
            text=True,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=told,
        ) as process,
    ):
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdin.write(json.dumps({"users": users, "dags": str(place.folder / "dags")}) + "\n")
        process.stdin.flush()
        try:
            yield process.stdout.readline() or pytest.fail(log.read_text()), process.pid
        finally:
            process.stdin.close()
            process.wait(30)
