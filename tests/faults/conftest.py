"""One landing place, and one training that nothing disturbed, for all tests that kill."""

from __future__ import annotations

import fcntl
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

sys.path.insert(0, str(Path(__file__).parent))

from training import KEYS, Asked, land, weights

from ckpt_ops.pipeline import Pipeline, load_pipeline
from ckpt_ops.store import LocalStore

DAGS = Path(__file__).parents[1] / "dags"


@pytest.fixture(scope="session")
def steady() -> Pipeline:
    return load_pipeline("steady", DAGS)


@pytest.fixture(scope="session")
def landing(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalStore]:
    store = LocalStore(tmp_path_factory.mktemp("landing"))
    land(store)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("CKPT_OPS_LANDING", store.url)
        yield store


ASK = """
import json, sys
from ckpt_ops.pipeline import load_pipeline
from ckpt_ops.runs import steps
from ckpt_ops.store import open_store
done = steps.run_slice(load_pipeline("steady"), open_store(sys.argv[1]), sys.argv[2], lambda line: None)
print(json.dumps({"decision": done.decision, "modules": sorted(sys.modules)}))
"""


def _ask(store: LocalStore) -> str:
    """What a process says that ran a slice on the store."""
    path = os.pathsep.join([str(DAGS.parents[1]), os.environ.get("PYTHONPATH", "")])
    done = subprocess.run(
        [sys.executable, "-c", ASK, store.url, KEYS[0]],
        env={**os.environ, "CKPT_OPS_DAGS": str(DAGS), "PYTHONPATH": path},
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    )
    return done.stdout


@pytest.fixture(scope="session")
def asked(steady: Pipeline, landing: LocalStore, tmp_path_factory: pytest.TempPathFactory) -> Asked:
    """The run behind `undisturbed_store`; with several workers, one runs it for all."""
    shared = tmp_path_factory.getbasetemp()
    if "PYTEST_XDIST_WORKER" in os.environ:
        shared = shared.parent
    answer, folder = shared / "undisturbed.json", shared / "undisturbed"
    with (shared / "undisturbed.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        folder.mkdir(exist_ok=True)
        store = LocalStore(folder)
        if not answer.exists():
            answer.write_text(_ask(store))
    said = json.loads(answer.read_text())
    assert said["decision"] == "promoted", said["decision"]
    return Asked(store=store, modules=frozenset(said["modules"]))


@pytest.fixture(scope="session")
def undisturbed_store(asked: Asked) -> LocalStore:
    """Holds a training that was never killed. Not to be changed: tests share it."""
    return asked.store


@pytest.fixture(scope="session")
def undisturbed(undisturbed_store: LocalStore) -> tuple[Any, ...]:
    """The final weights of a training that was never killed."""
    return weights(undisturbed_store)
