"""Real parts that tests share: started on first use, once per session."""

from __future__ import annotations

import atexit
import gc
import json
import os
import shutil
import sys
import tempfile
import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import settings as of_examples
from work_here import asked_here_and_now

from ckpt_ops.embedded.gcs_server import GcsServer
from ckpt_ops.embedded.platform import Platform
from ckpt_ops.embedded.settings import Settings

if TYPE_CHECKING:
    from ckpt_ops.pipeline import Pipeline
    from ckpt_ops.store import Store

PROJECT = Path(__file__).parents[1]

# What is collected is compiled once (see Makefile). Later, no bytecode is kept, here or in a test's process:
# two edits of one second and one size look alike to it.
os.environ["PYTHONDONTWRITEBYTECODE"] = "1"
gc.disable()  # until all is imported and collected

of_examples.register_profile("tests", deadline=None)  # a busy machine is no counterexample
of_examples.load_profile("tests")

if "PYTEST_XDIST_WORKER" not in os.environ:  # its workers have the folder of the process that started them
    # a test that wants an interpreter to stand by says so: it would outlive the others, and be taken by any
    os.environ["CKPT_OPS_STANDBY"] = "off"
    os.environ["CKPT_OPS_SCRATCH"] = tempfile.mkdtemp(prefix="ckpt-ops-tests-")
    atexit.register(shutil.rmtree, os.environ["CKPT_OPS_SCRATCH"], ignore_errors=True)

# as it was before any test or fixture set AIRFLOW__... or STORAGE_EMULATOR_HOST for this process
CLEAN_ENVIRONMENT = {
    name: value
    for name, value in os.environ.items()
    if not name.startswith(("AIRFLOW", "CKPT_OPS_")) and name != "STORAGE_EMULATOR_HOST"
} | {name: os.environ[name] for name in ("CKPT_OPS_SCRATCH", "CKPT_OPS_STANDBY")}


_LARGE = ("lineage", "evaluation", "cli", "validation")


@pytest.hookimpl(tryfirst=True)  # before xdist's own, which writes the groups into the tests' ids
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """With several workers: what shares a server, a training or an import of GX runs in one of them.

    The longest groups come first, so that none is left for one worker when the others have nothing to do.
    """
    ranks: dict[str, int] = {}
    for item in items:
        fixtures = getattr(item, "fixturenames", ())
        if "platform" in fixtures:
            group = "platform"
        elif "steady" in fixtures:
            group = "training"
        elif item.path.parent.name in _LARGE:
            group = item.path.parent.name
        else:
            group = str(item.path)
        item.add_marker(pytest.mark.xdist_group(group))
        small = item.path.is_relative_to(PROJECT / "tests" / "unit") and group not in _LARGE
        ranks[item.nodeid] = 0 if group == "platform" else 2 if small else 1
    if "PYTEST_XDIST_WORKER" in os.environ:
        items.sort(key=lambda item: ranks[item.nodeid])


def pytest_runtest_setup(item: pytest.Item) -> None:
    if item.get_closest_marker("gpu") is not None:
        import tensorflow as tf

        if not tf.config.list_physical_devices("GPU"):
            pytest.skip("TensorFlow sees no GPU")


@pytest.fixture(autouse=True)
def _modules_of_its_own(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A test imports the pipelines that it wrote: not those that another test wrote under the same name."""
    for name in [one for one in sys.modules if not any(map(_importable, _written(one)))]:
        if _written(name):  # by a fixture of a module of tests that has ended
            del sys.modules[name]
    before = set(sys.modules)
    monkeypatch.setattr(sys, "path", list(sys.path))
    yield
    for name in sys.modules.keys() - before:
        if _written(name):
            del sys.modules[name]


def _written(module: str) -> list[str]:
    """Where it lies, if a test wrote it."""
    known = getattr(sys.modules[module], "__dict__", {})  # None, where a test hides a module
    places = [known.get("__file__"), *known.get("__path__", ())]
    here = f"{PROJECT}{os.sep}"  # the project itself may be a clone in the temporary folder
    return [
        one for one in places if one and one.startswith(tempfile.gettempdir()) and not one.startswith(here)
    ]


def _importable(place: str) -> bool:
    return any(one and place.startswith(f"{one}{os.sep}") for one in sys.path)


def pytest_collection_finish() -> None:
    """What was imported and collected is never garbage: no search for any goes through it again and again.

    Keras asks for a full search with each model; among all that the tests have imported it takes a second.
    The graph of a model is many objects, none of them garbage: searches for each 700 of them, as is usual,
    take a tenth of a training.
    """
    sys.dont_write_bytecode = True
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000, 20, 20)
    gc.enable()


_platforms: list[Platform] = []  # the one that runs

_AT_REST = {
    # no DAG file changes here: parsing all of them again and again takes a third of a processor,
    "AIRFLOW__DAG_PROCESSOR__MIN_FILE_PROCESS_INTERVAL": "600",
    "AIRFLOW__DAG_PROCESSOR__REFRESH_INTERVAL": "600",
    # a scheduler that looks ten times a second a fifth of one, with the database that it asks
    "AIRFLOW__SCHEDULER__SCHEDULER_IDLE_SLEEP_TIME": "0.4",
}


@pytest.hookimpl(trylast=True)
def pytest_runtest_teardown(item: pytest.Item, nextitem: pytest.Item | None) -> None:
    """With several workers, one has all tests of the platform, in a row. Behind the last it is stopped.

    It takes a tenth of a processor when nothing is asked of it.
    """
    done = nextitem is not None and "platform" not in getattr(nextitem, "fixturenames", ())
    if done and "PYTEST_XDIST_WORKER" in os.environ and _platforms:
        _platforms.pop().stop()


def _settings(home: Path) -> Settings:
    return Settings(
        project=PROJECT,
        home=home,
        dags_dir=PROJECT / "tests" / "dags",
        plugins_dir=PROJECT / "plugins",
        gcs_port=0,
        ui_port=0,
    )


@pytest.fixture(scope="session")
def settings_in() -> Callable[[Path], Settings]:
    """Makes settings of a platform in a given home: free ports, the pipelines of `tests/dags`."""
    return _settings


@pytest.fixture(scope="session")
def serving() -> Callable[[type[BaseHTTPRequestHandler]], AbstractContextManager[str]]:
    """Serves HTTP on this machine while a block runs; gives the address."""

    @contextmanager
    def serve(handler: type[BaseHTTPRequestHandler]) -> Iterator[str]:
        server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_address[1]}"
        finally:
            server.shutdown()
            thread.join()
            server.server_close()

    return serve


@pytest.fixture(scope="session")
def training_here() -> Callable[[], AbstractContextManager[None]]:
    """While a block runs, what trains is called in this process: no test waits for an interpreter's start."""

    @contextmanager
    def here() -> Iterator[None]:
        import keras  # noqa: F401

        gc.freeze()  # as above, where no test of this run had imported it

        from ckpt_ops.candidates.training import run_attempt
        from ckpt_ops.rebase.replay import replay
        from ckpt_ops.retrain.process import retrain
        from ckpt_ops.retrain.proposal import Asked
        from ckpt_ops.runs import rebase as rebasing
        from ckpt_ops.runs import retrain as retraining

        def train(pipeline: Pipeline, store: Store, version: int, key: str, report: object) -> int:
            return run_attempt(pipeline, store, key)

        def replay_all(pipeline: Pipeline, store: Store, version: int, report: object) -> list[int]:
            return replay(pipeline, store)

        def retrain_it(pipeline: Pipeline, store: Store, version: int, asked: Asked, report: object) -> int:
            return retrain(pipeline, store, asked)

        with pytest.MonkeyPatch.context() as patch:
            patch.setattr("ckpt_ops.runs.train.run_training_process", train)
            patch.setattr(retraining, "run_retrain_process", retrain_it)
            patch.setattr(rebasing, "run_replay_process", replay_all)
            yield

    return here


@pytest.fixture(scope="session")
def asked_here() -> Callable[[], AbstractContextManager[None]]:
    """While a block runs, what a version's own code is asked, or a drill, is work in this process.

    As in a process of its own, that work sees the code it is for and no other, and what crosses is JSON.
    `test_champion_as_served.py` and `test_drill.py` start the processes.
    """
    return asked_here_and_now


@pytest.fixture(scope="session")
def without_pictures() -> Callable[[], AbstractContextManager[None]]:
    """While a block runs, reports have no pictures: drawing them takes most of what an evaluation takes."""

    @contextmanager
    def undrawn() -> Iterator[None]:
        from ckpt_ops.evaluation.report import plots

        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(plots, "_png", lambda draw, *, width, height: b"")
            yield

    return undrawn


@pytest.fixture(scope="session")
def as_older_code_wrote() -> Callable[[Store], None]:
    """Takes every hash of a manifest and a file out of a store's logs, and the snapshots that hold them."""
    from ckpt_ops.store.content import is_log_entry

    new = {"digest", "manifest_digest", "export_digest", "files"}

    def without_hashes(store: Store) -> None:
        for entry in list(store.list("models/")):
            if "/snapshots/" in entry.name:
                store.delete(entry.name)
            if not is_log_entry(entry.name):
                continue
            said = json.loads(store.get(entry.name))
            if said["type"] == "TrainingEnded":
                said["result"].pop("files", None)
            if said["type"] in ("CheckpointCommitted", "CandidateTrained", "Promoted"):
                said = {name: value for name, value in said.items() if name not in new}
            store.put(entry.name, json.dumps(said).encode())

    return without_hashes


@pytest.fixture(scope="session")
def clean_environment() -> dict[str, str]:
    """The environment without what tests and fixtures have set: for processes of their own."""
    return dict(CLEAN_ENVIRONMENT)


@pytest.fixture(scope="session")
def at_rest() -> dict[str, str]:
    """Variables with which a platform does little when nothing is asked of it."""
    return dict(_AT_REST)


@pytest.fixture(scope="session")
def session_home(request: pytest.FixtureRequest) -> Iterator[Path]:
    """A directory for the session's servers; kept, with their logs, when a test failed.

    Not below pytest's own temporary directory: every other pytest run takes the right to pass
    through that one away from other users, and PostgreSQL is another user when the tests run as root.
    """
    home = Path(tempfile.mkdtemp(prefix="ckpt-ops-test-"))
    yield home
    if not request.session.testsfailed:
        shutil.rmtree(home, ignore_errors=True)


@pytest.fixture(scope="session")
def gcs_server(session_home: Path) -> Iterator[GcsServer]:
    """A GCS API server with buckets `ckpt-ops` and `ckpt-ops-landing`; clients of this process use it."""
    with GcsServer(session_home / "gcs-only") as server, pytest.MonkeyPatch.context() as patch:
        patch.setenv("STORAGE_EMULATOR_HOST", server.endpoint)
        yield server


@pytest.fixture(scope="session")
def platform(session_home: Path, clean_environment: dict[str, str]) -> Iterator[Platform]:
    """The whole platform, healthy, running the pipelines of `tests/dags`; half a minute to start."""
    settings = _settings(session_home / "platform")
    users = {"AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_USERS": "admin:admin,eve:viewer"}
    environment = {**clean_environment, **_AT_REST, **users}
    with Platform(settings, environ=environment) as running:
        _platforms[:] = [running]
        yield running
