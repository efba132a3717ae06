"""Workers that train together: when one is killed or stopped all end, and a retry has the same weights."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from training import KEYS, alive, commits, trainings, until, weights

from ckpt_ops.checkpoints import load_manifest
from ckpt_ops.errors import GangBroken, TransientError
from ckpt_ops.lineage import CandidateLog, ModelLog
from ckpt_ops.lineage.records import SliceAccepted, SliceRef
from ckpt_ops.pipeline import Pipeline, load_pipeline
from ckpt_ops.runs import steps
from ckpt_ops.store import LocalStore

pytestmark = pytest.mark.slow

DAGS = Path(__file__).parents[1] / "dags"
GIVES_UP = 60.0
"""Seconds from the moment that a worker is gone until all have ended: as the docs promise."""


@pytest.fixture(scope="module")
def shared(landing: LocalStore) -> Pipeline:
    return load_pipeline("shared", DAGS)


@pytest.fixture(scope="module")
def whole(shared: Pipeline, tmp_path_factory: pytest.TempPathFactory) -> LocalStore:
    """A store in which nothing disturbed the training."""
    store = LocalStore(tmp_path_factory.mktemp("whole"))
    train(shared, prepared(shared, store))
    return store


@pytest.fixture
def store(shared: Pipeline, tmp_path: Path) -> LocalStore:
    return prepared(shared, LocalStore(tmp_path))


@pytest.fixture
def pool() -> Iterator[ThreadPoolExecutor]:
    with ThreadPoolExecutor(4) as found:
        yield found


def prepared(pipeline: Pipeline, store: LocalStore) -> LocalStore:
    """Accepted as `steady` accepts it, which has the same suite: to import what validates takes seconds."""
    pulled = steps.pull(pipeline, store, KEYS[0])
    log = ModelLog(store, pipeline.name)
    ref = SliceRef(key=KEYS[0], revision=pulled.revision, rows=pulled.rows)
    log.append(SliceAccepted(slice=ref), after=log.state())
    return store


def train(pipeline: Pipeline, store: LocalStore, report: Callable[[str], None] = lambda line: None) -> Any:
    return steps.train_here(pipeline, store, KEYS[0], report)


def process_of(store: LocalStore, worker: int) -> int | None:
    """The process id of a worker's training."""
    for pid in trainings(store):
        with suppress(OSError):
            request = json.loads(Path(f"/proc/{pid}/cwd/request.json").read_text())["request"]
            if request["worker"] == worker:
                return pid
    return None


def disturbed(
    pipeline: Pipeline,
    store: LocalStore,
    pool: ThreadPoolExecutor,
    *,
    worker: int,
    number: signal.Signals,
    moment: Callable[[list[str]], bool],
) -> BaseException | None:
    """Train, and send a signal to a worker's process at a moment; the error that ends the training."""
    lines: list[str] = []
    training: Future[Any] = pool.submit(train, pipeline, store, lines.append)
    pid = until("the process of the worker", lambda: process_of(store, worker), seconds=90)
    until("the moment", lambda: moment(lines) or training.done(), seconds=120)
    with suppress(ProcessLookupError):
        os.kill(pid, number)
    error = training.exception(GIVES_UP)
    until("all processes are gone", lambda: not trainings(store), seconds=20)
    return error


def check(shared: Pipeline, store: LocalStore, whole: LocalStore) -> None:
    """What it comes to is what it would have come to."""
    assert train(shared, store).outcome == "trained"
    assert weights(store, model="shared") == weights(whole, model="shared")
    committed = [commit.step for commit in CandidateLog(store, "shared", 1).progress().commits]
    assert committed == sorted(set(committed)), "a step was committed twice"
    assert [*store.list("models/shared/gangs/")] == []


def three_commits(store: LocalStore) -> Callable[[list[str]], bool]:
    return lambda lines: commits(store, model="shared") >= 3


def test_one_manifest_holds_the_model_and_says_how_many_trained_it(whole: LocalStore) -> None:
    trained = ModelLog(whole, "shared").state().versions[1].trained
    assert trained is not None
    placement = load_manifest(whole, trained.final).placement
    assert placement is not None
    assert (placement.strategy, placement.replicas) == ("MultiWorkerMirroredStrategy", 2)


def test_a_worker_killed_in_a_step_ends_all_and_a_retry_resumes_to_the_same_bits(
    shared: Pipeline, store: LocalStore, whole: LocalStore, pool: ThreadPoolExecutor
) -> None:
    error = disturbed(shared, store, pool, worker=1, number=signal.SIGKILL, moment=three_commits(store))
    assert isinstance(error, GangBroken)
    assert "worker 1" in str(error)
    before = commits(store, model="shared")
    assert before >= 3
    check(shared, store, whole)
    progress = CandidateLog(store, "shared", 1).progress()
    assert progress.attempts == 2
    assert len(progress.commits) == 8, "what was committed before the kill was not trained again"


MOMENTS: dict[str, tuple[int, signal.Signals, Callable[[LocalStore], Callable[[list[str]], bool]]]] = {
    "the first is killed in a step": (0, signal.SIGKILL, three_commits),
    "the first is killed while it imports": (0, signal.SIGKILL, lambda store: lambda lines: True),
    "the other is killed while it imports": (1, signal.SIGKILL, lambda store: lambda lines: True),
    "the first is killed while it exports": (
        0,
        signal.SIGKILL,
        lambda store: lambda lines: any(line.startswith("predicting") for line in lines),
    ),
    "the first is stopped": (0, signal.SIGSTOP, three_commits),
    "the other is stopped": (1, signal.SIGSTOP, three_commits),
    "the other is stopped while it imports": (1, signal.SIGSTOP, lambda store: lambda lines: True),
}


@pytest.mark.soak
@pytest.mark.parametrize("kind", MOMENTS)
def test_so_it_is_at_any_other_moment(
    shared: Pipeline, store: LocalStore, whole: LocalStore, pool: ThreadPoolExecutor, kind: str
) -> None:
    worker, number, moment = MOMENTS[kind]
    error = disturbed(shared, store, pool, worker=worker, number=number, moment=moment(store))
    assert isinstance(error, TransientError)
    check(shared, store, whole)


@pytest.mark.soak
def test_one_that_is_asked_to_end_asks_all_and_the_last_step_is_saved(
    shared: Pipeline, store: LocalStore, whole: LocalStore, pool: ThreadPoolExecutor
) -> None:
    error = disturbed(shared, store, pool, worker=1, number=signal.SIGTERM, moment=three_commits(store))
    assert isinstance(error, TransientError)
    check(shared, store, whole)


@pytest.mark.soak
def test_one_that_comes_late_is_waited_for(
    shared: Pipeline, store: LocalStore, whole: LocalStore, pool: ThreadPoolExecutor
) -> None:
    first = pool.submit(steps.train, shared, store, KEYS[0], lambda line: None)
    time.sleep(5)
    assert steps.help_train(shared, store, KEYS[0], 1, lambda line: None).version == 1
    assert first.result(60).outcome == "trained"
    assert weights(store, model="shared") == weights(whole, model="shared")


@pytest.mark.soak
def test_four_train_a_model_and_two_go_on_with_it(landing: LocalStore, tmp_path: Path) -> None:
    """The number is a setting like any other: a candidate of its own, in the same history."""
    store = LocalStore(tmp_path)
    for count, key in zip((4, 2), KEYS, strict=True):
        folder = tmp_path / f"dags{count}" / "by_some"
        shutil.copytree(DAGS / "shared", folder, ignore=shutil.ignore_patterns("dag.py", "__pycache__"))
        text = (folder / "pipeline.py").read_text().replace("shared.model", "by_some.model")
        text = text.replace("shared =", "by_some =").replace('name="shared"', 'name="by_some"')
        (folder / "pipeline.py").write_text(text.replace("count=2", f"count={count}"))
        path = os.pathsep.join([str(DAGS.parents[1]), os.environ.get("PYTHONPATH", "")])
        environment = {**os.environ, "CKPT_OPS_DAGS": str(folder.parent), "PYTHONPATH": path}
        code = _RUN.format(store=store.url, key=key)
        subprocess.run([sys.executable, "-c", code], env=environment, check=True)
    manifests = []
    for version in ModelLog(store, "by_some").state().versions.values():
        assert version.trained is not None
        manifests.append(load_manifest(store, version.trained.final))
    assert [one.placement.replicas for one in manifests if one.placement] == [4, 2]
    assert manifests[1].parent is not None


@pytest.mark.soak
def test_a_first_worker_that_was_frozen_with_its_task_writes_nothing_when_it_wakes(
    shared: Pipeline, store: LocalStore, whole: LocalStore, pool: ThreadPoolExecutor
) -> None:
    """It is taken for dead with all it started; another gang trains; then it wakes."""
    code = _ALONE.format(store=store.url, key=KEYS[0])
    path = os.pathsep.join([str(DAGS.parents[1]), os.environ.get("PYTHONPATH", "")])
    environment = {**os.environ, "CKPT_OPS_DAGS": str(DAGS), "PYTHONPATH": path}
    task = subprocess.Popen([sys.executable, "-c", code], env=environment, stderr=subprocess.DEVNULL)
    helping = pool.submit(steps.help_train, shared, store, KEYS[0], 1, lambda line: None)
    until("commits", lambda: commits(store, model="shared") >= 2, seconds=120)
    zombie = process_of(store, 0)
    assert zombie is not None
    os.kill(zombie, signal.SIGSTOP)
    task.send_signal(signal.SIGSTOP)
    assert isinstance(helping.exception(GIVES_UP), GangBroken)
    check(shared, store, whole)
    ended = ModelLog(store, "shared").state().sequence
    os.kill(zombie, signal.SIGCONT)
    task.send_signal(signal.SIGCONT)
    until("the zombie ended itself", lambda: not alive(zombie), seconds=90)
    assert task.wait(60) != 0
    assert ModelLog(store, "shared").state().sequence == ended
    assert weights(store, model="shared") == weights(whole, model="shared")


_RUN = """
from ckpt_ops.pipeline import load_pipeline
from ckpt_ops.runs import steps
from ckpt_ops.store import open_store
assert steps.run_slice(load_pipeline("by_some"), open_store("{store}"), "{key}").decision == "promoted"
"""
_ALONE = """
from ckpt_ops.pipeline import load_pipeline
from ckpt_ops.runs import steps
from ckpt_ops.store import open_store
steps.train(load_pipeline("shared"), open_store("{store}"), "{key}", lambda line: None)
"""
