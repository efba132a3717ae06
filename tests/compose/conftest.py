"""The team's stack, built and started once for all of its tests; takes root, an engine and some minutes."""

from __future__ import annotations

import os
import shutil
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

sys.path.insert(0, str(Path(__file__).parents[1] / "faults"))
sys.path.insert(0, str(Path(__file__).parents[1] / "integration"))
sys.path.insert(0, str(Path(__file__).parent))

import team_stack
from steady_weeks import land, week
from team_stack import FIFTH, WEEKS
from training import weights

from ckpt_ops.store import LocalStore, Store, open_store

HERE = Path(__file__).parent


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if item.path.is_relative_to(HERE):
            item.add_marker(pytest.mark.compose)


@pytest.fixture(scope="session")
def team(request: pytest.FixtureRequest) -> Iterator[team_stack.Team]:
    """The stack, started by the command behind `make up-team`; kept, stopped, when a test failed."""
    folder = Path(tempfile.mkdtemp(prefix="ckpt-ops-team-"))
    folder.chmod(0o755)
    made = team_stack.write(folder, name=f"ckpt-ops-test-{os.getpid()}")
    try:
        started = made.command("up")
        assert started.returncode == 0, started.stdout + started.stderr
        yield made
    finally:
        failed = request.session.testsfailed > 0
        if failed:
            (folder / "logs.txt").write_bytes(_logs(made))
        made.stack.compose("down", *([] if failed else ["--volumes"]), check=False, quiet=True)
        if failed:
            print(f"\nthe stack's folder, with the logs of its containers: {folder}")
        else:
            shutil.rmtree(folder)


def _logs(made: team_stack.Team) -> bytes:
    done = made.stack.compose("logs", check=False, quiet=True)
    return done.stdout + done.stderr


@pytest.fixture
def platform(team: team_stack.Team) -> team_stack.Team:
    """The stack in the place of the embedded platform, for tests that were written for that one."""
    return team


@pytest.fixture
def airflow_command(team: team_stack.Team) -> Callable[[str], None]:
    """Runs Airflow's own command line, in the scheduler's container."""

    def run(command: str) -> None:
        team.stack.exec("scheduler", "airflow", *command.split())

    return run


@pytest.fixture(scope="session")
def stores(team: team_stack.Team) -> tuple[Store, Store]:
    """The stack's own store and landing, asked from this machine; five weeks are landed."""
    variables = team.stack.variables
    # not by STORAGE_EMULATOR_HOST: Compose would take this process's for the stack's
    store, landing = (
        open_store(f"{variables[name]}?endpoint={team.gcs_endpoint}")
        for name in ("CKPT_OPS_STORE", "CKPT_OPS_LANDING")
    )
    for key in (*WEEKS, FIFTH):
        land(landing, key, week(key))
    return store, landing


ALONE = """
import sys
from ckpt_ops.pipeline import load_pipeline
from ckpt_ops.runs import steps
from ckpt_ops.store import open_store
name, store, *keys = sys.argv[1:]
for key in keys:
    print(key, steps.run_slice(load_pipeline(name), open_store(store), key, lambda line: None).decision)
"""


@pytest.fixture(scope="session")
def alone(team: team_stack.Team, stores: tuple[Store, Store]) -> Callable[..., LocalStore]:
    """Runs weeks of a pipeline in one process that nothing disturbs, without Airflow; gives their store.

    In the stack's own image: what a model learns is the same for the same versions, Python's included.
    """

    def run(name: str, *keys: str) -> LocalStore:
        folder = team.settings.home / f"alone-{name}"
        folder.mkdir()
        folder.chmod(0o777)
        store = f"file://{team_stack.HOME}/{folder.name}"
        done = team.stack.compose(
            *("run", "--rm", "-T", "--no-deps"),
            *("-e", "CKPT_OPS_DAGS=/opt/airflow/dags"),
            *("-e", "PYTHONPATH=/opt/airflow:/opt/airflow/plugins:/opt/airflow/dags"),
            *("training-worker", "python", "-c", ALONE, name, store, *keys),
            quiet=True,
        )
        assert done.stdout.decode().split("\n")[:-1] == [f"{key} promoted" for key in keys]
        return LocalStore(folder)

    return run


@pytest.fixture(scope="session")
def undisturbed(alone: Callable[..., LocalStore]) -> tuple[Any, ...]:
    """The final weights of one week of `steady`; a test of the embedded platform asks for them."""
    return weights(alone("steady", WEEKS[0]))
