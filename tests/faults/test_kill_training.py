"""Kill the training process at any moment: what comes out is what an undisturbed run gives, bit for bit."""

from __future__ import annotations

import os
import random
import signal
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from training import KEYS, alive, commits, trainings, until, weights

from ckpt_ops.errors import Fenced, TrainingDied
from ckpt_ops.lineage import CandidateLog
from ckpt_ops.pipeline import Pipeline
from ckpt_ops.runs import steps
from ckpt_ops.store import LocalStore

pytestmark = pytest.mark.slow


def _prepared(pipeline: Pipeline, store: LocalStore) -> None:
    pulled = steps.pull(pipeline, store, KEYS[0])
    assert steps.validate(pipeline, store, KEYS[0], pulled.revision).outcome == "accepted"


def _killed(pipeline: Pipeline, store: LocalStore, moment: float) -> bool:
    """Train, killing the process `moment` seconds after it began to step (or to import, if negative).

    Returns whether it died of that; otherwise it had finished before. Anything else raises.
    """
    stepping = threading.Event()

    def report(line: str) -> None:
        if line.startswith("step "):
            stepping.set()

    def kill() -> None:
        pid = until("a training process", lambda: trainings(store), seconds=60)[0]
        if moment >= 0:
            until("a step, or the end", lambda: stepping.wait(0.1) or not alive(pid), seconds=120)
        time.sleep(abs(moment))
        with suppress(ProcessLookupError):  # it had finished: then `train` says so
            os.kill(pid, signal.SIGKILL)

    with ThreadPoolExecutor(1) as pool:
        killer = pool.submit(kill)
        try:
            steps.train(pipeline, store, KEYS[0], report)
        except TrainingDied as error:
            died = error.what
        else:
            died = None
        killer.result()
    assert died is None or "was killed by signal 9" in died, died
    return died is not None


def _killed_often(pipeline: Pipeline, store: LocalStore, moments: list[float], log: list[str]) -> None:
    """Train until it ends, killing the process at each of the moments until then."""
    for moment in moments:
        if not _killed(pipeline, store, moment):
            log.append(f"{moment:.2f}: finished before the kill")
            break
        log.append(f"{moment:.2f}: killed with {commits(store)} commits")
    steps.train(pipeline, store, KEYS[0], lambda line: None)


@pytest.mark.parametrize(
    ("lanes", "kills"), [(1, 3), pytest.param(2, 10, marks=pytest.mark.soak)], ids=["3", "20"]
)
def test_kills_at_random_moments_leave_the_weights_of_an_undisturbed_run(
    steady: Pipeline,
    landing: LocalStore,
    undisturbed: tuple[Any, ...],
    tmp_path: Path,
    lanes: int,
    kills: int,
) -> None:
    seed = random.randrange(2**32)
    chance = random.Random(seed)
    stores, logs, plans = [], [], []
    for lane in range(lanes):
        folder = tmp_path / f"lane{lane}"
        folder.mkdir()
        store, log = LocalStore(folder), []
        _prepared(steady, store)
        moments = [chance.uniform(0, 0.6) for _ in range(kills - 2)]
        moments[kills // 3 : kills // 3] = [
            -chance.uniform(0, 3),
            -chance.uniform(0, 3),
        ]  # while it imports and restores
        plans.append(moments)
        stores.append(store)
        logs.append(log)
    with ThreadPoolExecutor(lanes) as pool:
        running = [
            pool.submit(_killed_often, steady, store, moments, log)
            for store, moments, log in zip(stores, plans, logs, strict=True)
        ]
    print(f"seed {seed}", *logs, sep="\n")
    for lane in running:
        lane.result()

    for store, log in zip(stores, logs, strict=True):
        finished = sum("finished" in line for line in log)
        assert len(log) == kills or finished == 1, log
        assert sum("killed with" in line for line in log) == len(log) - finished, log
        assert len(log) - finished >= kills // 2, f"most of the training was left alone: {log}"
        assert weights(store) == undisturbed, f"seed {seed}"
        steps_committed = [commit.step for commit in CandidateLog(store, "steady", 1).progress().commits]
        assert steps_committed == sorted(set(steps_committed)), "a step was committed twice"


def test_a_process_that_does_not_know_it_is_dead_is_refused_and_ends_itself(
    steady: Pipeline, landing: LocalStore, undisturbed: tuple[Any, ...], tmp_path: Path
) -> None:
    store = LocalStore(tmp_path)
    _prepared(steady, store)
    raised: list[Fenced] = []

    def first() -> None:
        try:
            steps.train(steady, store, KEYS[0], lambda line: None)
        except Fenced as error:
            raised.append(error)

    zombie_thread = threading.Thread(target=first)
    zombie_thread.start()
    until("two commits", lambda: commits(store) >= 2, seconds=120)
    zombie = trainings(store)[0]
    os.kill(zombie, signal.SIGSTOP)
    woken = False

    def report(line: str) -> None:
        nonlocal woken
        if line.startswith("resuming at") and not woken:
            woken = True
            os.kill(zombie, signal.SIGCONT)

    steps.train(steady, store, KEYS[0], report)
    zombie_thread.join(60)

    assert woken
    assert not alive(zombie)
    assert len(raised) == 1, "the zombie was not refused"
    assert "newer attempt" in str(raised[0])
    assert weights(store) == undisturbed
