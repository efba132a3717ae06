"""Three real GCS servers as one store; any of them is killed, and nothing is lost."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tensorflow as tf

from ckpt_ops.checkpoints import BackgroundWriter, Manifest, Snapshot, capture, load_manifest, restore
from ckpt_ops.checkpoints.manifest import Segment
from ckpt_ops.embedded.gcs_server import GcsServer
from ckpt_ops.errors import Fenced, LineageMoved, StoreUnavailable
from ckpt_ops.lineage import CandidateLog, ModelLog
from ckpt_ops.lineage.records import Held
from ckpt_ops.store import GcsStore, ReplicatedStore, Store, open_store
from ckpt_ops.store.replication.repair import repair

BUCKET = "ckpt-ops"
SAVES = 4
Arrays = dict[str, np.ndarray[Any, Any]]


class Cluster:
    """Three servers that can be killed and started again on their old directories and ports."""

    def __init__(self, home: Path) -> None:
        self.servers = [GcsServer(home / name) for name in ("first", "second", "third")]
        for server in self.servers:
            server.start(buckets=[BUCKET])

    def alone(self, number: int) -> GcsStore:
        return GcsStore(bucket=BUCKET, prefix="x", endpoint=self.servers[number].endpoint, deadline=2.5)

    def together(self) -> ReplicatedStore:
        return ReplicatedStore([self.alone(number) for number in range(3)])

    def kill(self, number: int) -> None:
        child = self.servers[number].child
        assert child is not None
        assert child.pid is not None
        os.kill(child.pid, signal.SIGKILL)
        child.stop()  # collects the dead process

    def start_again(self, number: int) -> None:
        old = self.servers[number]
        self.servers[number] = GcsServer(old.home, old.port)
        self.servers[number].start(buckets=[])

    def stop(self) -> None:
        for server in self.servers:
            server.stop()


@pytest.fixture
def cluster(tmp_path: Path) -> Iterator[Cluster]:
    running = Cluster(tmp_path)
    yield running
    running.stop()
    for thread in threading.enumerate():
        if thread.name.startswith("replica-"):  # a straggler's retries draw from Python's random generator
            thread.join(10)


# --- a training's checkpoints -------------------------------------------------------------------


def new_variables() -> dict[str, tf.Variable]:
    return {
        "table": tf.Variable(tf.random.stateless_normal((150_000, 8), (1, 2))),  # two chunks
        "kernel": tf.Variable(tf.random.stateless_normal((64, 64), (3, 4))),
        "step": tf.Variable(0, dtype=tf.int64),
    }


def advance(variables: dict[str, tf.Variable]) -> None:
    variables["table"].assign_add(tf.ones_like(variables["table"]) * 0.1)
    variables["kernel"].assign(variables["kernel"] * 1.01)
    variables["step"].assign_add(1)


def values(variables: dict[str, tf.Variable]) -> Arrays:
    return {name: np.array(variable.numpy()) for name, variable in variables.items()}


def assert_bitwise_equal(one: Arrays, other: Arrays) -> None:
    assert one.keys() == other.keys()
    assert all(one[name].tobytes() == other[name].tobytes() for name in one)


def manifest_name(step: int) -> str:
    return f"models/m/v1/iter_num={step}/manifest.json"


def describe(snapshot: Snapshot, segments: tuple[Segment, ...]) -> Manifest:
    step = snapshot.step
    return Manifest(model="m", version=1, step=step, parent=None, cursor={}, slices=(), segments=segments)


def save_all(store: Store, *, before: Callable[[int], None] = lambda step: None) -> dict[int, Arrays]:
    """`SAVES` committed checkpoints; `before` is called before each is submitted."""
    variables, saved = new_variables(), {}
    attempt = CandidateLog(store, "m", 1).start_attempt()
    with BackgroundWriter(
        store,
        describe=describe,
        name=manifest_name,
        commit=lambda done: attempt.commit(step=done.step, manifest=done.manifest),
    ) as writer:
        for step in range(1, SAVES + 1):
            advance(variables)
            before(step)
            writer.submit(capture(variables, step=step))
            saved[step] = values(variables)
    return saved


def assert_all_restored(store: Store, saved: dict[int, Arrays]) -> None:
    commits = CandidateLog(store, "m", 1).progress().commits
    assert [commit.step for commit in commits] == list(saved)
    for commit in commits:
        fresh = new_variables()
        restore(store, load_manifest(store, commit.manifest), fresh)
        assert_bitwise_equal(values(fresh), saved[commit.step])


class Tripwire:
    """A store that calls `then` before its read number `at`."""

    def __init__(self, store: Store, at: int, then: Callable[[], None]) -> None:
        self._store, self._left, self._then = store, at, then
        self._lock = threading.Lock()

    def _count(self) -> None:
        with self._lock:
            self._left -= 1
            if self._left == 0:
                self._then()

    def get(self, name: str) -> bytes:
        self._count()
        return self._store.get(name)

    def get_range(self, name: str, start: int, length: int) -> bytes:
        self._count()
        return self._store.get_range(name, start, length)

    def __getattr__(self, verb: str) -> Any:
        return getattr(self._store, verb)


@pytest.mark.slow
def test_a_store_killed_during_saves_loses_nothing_and_is_caught_up(
    cluster: Cluster, caplog: pytest.LogCaptureFixture
) -> None:
    def kill_once(step: int) -> None:
        if step == 2:
            cluster.kill(1)

    saved = save_all(cluster.together(), before=kill_once)
    waited = sum(record.name.endswith("replication.replica") for record in caplog.records)
    assert 1 <= waited <= SAVES, "the store that is down is waited for now and then, and not by each write"
    assert_all_restored(cluster.together(), saved)

    cluster.start_again(1)
    outcome = repair(cluster.together())
    assert outcome.replicas[1].copied > 0
    assert not outcome.conflicts
    assert not outcome.lost
    for number in range(3):
        assert_all_restored(cluster.alone(number), saved)


@pytest.mark.slow
@pytest.mark.parametrize("victim", [0, 2], ids=["the primary", "another"])
def test_a_store_killed_during_a_restore_is_read_around(cluster: Cluster, victim: int) -> None:
    saved = save_all(cluster.together())
    tripwire: Any = Tripwire(cluster.together(), 8, lambda: cluster.kill(victim))
    assert_all_restored(tripwire, saved)
    assert_all_restored(cluster.together(), saved)  # by a reader that knows nothing of the loss

    cluster.start_again(victim)
    repair(cluster.together())
    for number in range(3):
        assert_all_restored(cluster.alone(number), saved)


def test_a_flipped_bit_in_a_chunk_is_read_around_and_mended(cluster: Cluster) -> None:
    store, variables = cluster.together(), new_variables()
    with BackgroundWriter(store, describe=describe, name=manifest_name, commit=lambda done: None) as writer:
        writer.submit(capture(variables, step=1))
    names = [entry.name for entry in store.list("chunks/")]
    intact = [cluster.alone(0).get(name) for name in names]
    for name, data in zip(names, intact, strict=True):
        cluster.alone(0).put(name, data[:100] + bytes([data[100] ^ 4]) + data[101:])

    fresh = {name: tf.Variable(tf.zeros_like(variable)) for name, variable in variables.items()}
    restore(store, load_manifest(store, manifest_name(1)), fresh)
    assert_bitwise_equal(values(fresh), values(variables))
    assert [cluster.alone(0).get(name) for name in names] == intact


# --- logs ---------------------------------------------------------------------------------------


def test_of_16_writers_of_one_entry_one_wins_and_every_store_has_the_winners(cluster: Cluster) -> None:
    url = cluster.together().url
    stores = [open_store(url) for _ in range(16)]
    barrier = threading.Barrier(16)

    def append(writer: int) -> bool:
        log = ModelLog(stores[writer], "m")
        state = log.state()
        barrier.wait(60)
        try:
            log.append(Held(reason=f"writer {writer}"), after=state)
        except LineageMoved:
            return False
        return True

    with ThreadPoolExecutor(16) as pool:
        won = list(pool.map(append, range(16)))
    assert won.count(True) == 1
    for store in (cluster.together(), *(cluster.alone(number) for number in range(3))):
        assert [record.reason for record in ModelLog(store, "m").records()] == [f"writer {won.index(True)}"]


def test_without_the_primary_logs_are_read_and_a_conditional_write_is_refused(cluster: Cluster) -> None:
    attempt = CandidateLog(cluster.together(), "m", 1).start_attempt()
    attempt.commit(step=1, manifest="one")
    cluster.kill(0)
    store = cluster.together()
    assert [commit.step for commit in CandidateLog(store, "m", 1).progress().commits] == [1]
    store.put("models/m/v1/write-once", b"x")  # what needs no arbiter goes on
    with pytest.raises(StoreUnavailable) as caught:
        store.put_if_absent("models/m/v1/log/000003.json", b"{}")
    message = str(caught.value)
    assert f"the primary {cluster.alone(0).url} does not answer" in message
    assert "nothing was written" in caught.value.safe
    assert "first in CKPT_OPS_STORE" in caught.value.next

    cluster.start_again(0)
    for each in (cluster.together(), *(cluster.alone(number) for number in range(3))):
        assert len(list(each.list("models/m/v1/log/"))) == 2
    attempt.commit(step=2, manifest="two")


def test_another_store_becomes_the_primary_and_fences_as_the_first_did(cluster: Cluster) -> None:
    zombie = CandidateLog(cluster.together(), "m", 1).start_attempt()
    cluster.kill(0)
    promoted = ReplicatedStore([cluster.alone(1), cluster.alone(2)])
    CandidateLog(promoted, "m", 1).start_attempt().commit(step=1, manifest="one")

    cluster.start_again(0)  # it comes back as a secondary, and the zombie still takes it for the primary
    repair(ReplicatedStore([cluster.alone(1), cluster.alone(2), cluster.alone(0)]))
    with pytest.raises(Fenced):
        zombie.commit(step=9, manifest="nine")
    for number in range(3):
        progress = CandidateLog(cluster.alone(number), "m", 1).progress()
        assert [commit.manifest for commit in progress.commits] == ["one"]


def test_without_a_quorum_nothing_is_acknowledged(cluster: Cluster) -> None:
    store = cluster.together()
    cluster.kill(1)
    cluster.kill(2)
    for write in (
        lambda: store.put("models/m/v1/write-once", b"x"),
        lambda: store.put_if_absent("models/m/log/000000000001.json", b"{}"),
    ):
        with pytest.raises(StoreUnavailable) as caught:
            write()
        message = str(caught.value)
        assert "2 of 3" in message
        assert cluster.alone(1).url in message
        assert cluster.alone(2).url in message
    assert list(cluster.alone(0).list("models/m/log/")) == []
