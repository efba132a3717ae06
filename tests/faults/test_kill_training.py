"""Kill the training process at any moment: what comes out is what an undisturbed run gives, bit for bit."""

from __future__ import annotations

import os
import random
import signal
import threading
import time
from pathlib import Path
from typing import Any

import pytest
from training import KEYS, alive, commits, trainings, until, weights

from ckpt_ops.errors import Fenced, TrainingDied
from ckpt_ops.lineage import CandidateLog
from ckpt_ops.pipeline import Pipeline, steps
from ckpt_ops.store import LocalStore

LANES, KILLS_PER_LANE = 2, 10

pytestmark = pytest.mark.slow


def _prepared(pipeline: Pipeline, store: LocalStore) -> None:
    pulled = steps.pull(pipeline, store, KEYS[0])
    assert steps.validate(pipeline, store, KEYS[0], pulled["revision"])["outcome"] == "accepted"


def _killed_often(pipeline: Pipeline, store: LocalStore, moments: list[float], log: list[str]) -> None:
    """Train, killing the process `moment` seconds after it began to step (or to import, if negative)."""
    for moment in moments:
        stepping = threading.Event()

        def report(line: str, stepping: threading.Event = stepping) -> None:
            if line.startswith("step "):
                stepping.set()

        def kill(moment: float = moment, stepping: threading.Event = stepping) -> None:
            pid = until("a training process", lambda: trainings(store), seconds=60)[0]
            if moment >= 0:
                stepping.wait(120)
            time.sleep(abs(moment))
            os.kill(pid, signal.SIGKILL)

        killer = threading.Thread(target=kill)
        killer.start()
        try:
            steps.train(pipeline, store, KEYS[0], report)
            log.append(f"{moment:.2f}: finished before the kill")
        except TrainingDied:
            log.append(f"{moment:.2f}: killed with {commits(store)} commits")
        killer.join()
    steps.train(pipeline, store, KEYS[0], lambda line: None)


def test_twenty_kills_at_random_moments_leave_the_weights_of_an_undisturbed_run(
    steady: Pipeline, landing: LocalStore, undisturbed: tuple[Any, ...], tmp_path: Path
) -> None:
    seed = random.randrange(2**32)
    chance = random.Random(seed)
    stores, logs, lanes = [], [], []
    for lane in range(LANES):
        folder = tmp_path / f"lane{lane}"
        folder.mkdir()
        store, log = LocalStore(folder), []
        _prepared(steady, store)
        moments = [chance.uniform(0, 1.2) for _ in range(KILLS_PER_LANE - 2)]
        moments[3:3] = [-chance.uniform(0, 3), -chance.uniform(0, 3)]  # while it imports and restores
        lanes.append(threading.Thread(target=_killed_often, args=(steady, store, moments, log)))
        stores.append(store)
        logs.append(log)
    for thread in lanes:
        thread.start()
    for thread in lanes:
        thread.join()

    print(f"seed {seed}", *logs, sep="\n")
    for store, log in zip(stores, logs, strict=True):
        assert sum("killed" in line for line in log) >= KILLS_PER_LANE // 2, log
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
