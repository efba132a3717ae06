"""What nothing refers to is removed, and nothing else, whatever writers do meanwhile."""

from __future__ import annotations

import threading
import time
import uuid
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

from ckpt_ops.checkpoints import (
    BackgroundWriter,
    Commits,
    Keep,
    Manifest,
    Snapshot,
    load_manifest,
    read_tensors,
)
from ckpt_ops.checkpoints.garbage import find_garbage, remove_garbage
from ckpt_ops.checkpoints.manifest import Segment
from ckpt_ops.errors import BadInput, Corrupt
from ckpt_ops.lineage import CandidateLog, ModelLog
from ckpt_ops.lineage.records import (
    CandidateStarted,
    CandidateTrained,
    Evaluated,
    Promoted,
    Record,
    Rejected,
    SliceRef,
)
from ckpt_ops.store import GcsStore, LocalStore, Store

Array = npt.NDArray[Any]
WEEK = SliceRef(key="w1", revision="r1", rows=10)


@pytest.fixture(params=["local", "gcs"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Store:
    if request.param == "local":
        return LocalStore(tmp_path)
    request.getfixturevalue("gcs_server")
    return GcsStore(bucket="ckpt-ops", prefix=f"garbage/{uuid.uuid4().hex}", deadline=20)


def writer_of(store: Store, version: int, keep: Keep, *, commits: bool = True) -> BackgroundWriter:
    attempt = CandidateLog(store, "m", version).start_attempt()
    committing = Commits(store, attempt, keep)

    def describe(snapshot: Snapshot, segments: tuple[Segment, ...]) -> Manifest:
        step = snapshot.step
        return Manifest(
            model="m", version=version, step=step, parent=None, cursor={}, slices=(), segments=segments
        )

    return BackgroundWriter(
        store,
        describe=describe,
        name=lambda step: f"models/m/v{version}/iter_num={step}/manifest-{attempt.token:06d}.json",
        commit=committing.commit if commits else lambda saved: None,
        large=1024,
    )


def save(writer: BackgroundWriter, step: int, *values: float) -> None:
    """Commit tensors of four KB, one of each value."""
    tensors = {f"t{n}": np.full((1024,), value, "float32") for n, value in enumerate(values)}
    writer.submit(Snapshot(step=step, tensors=tensors))
    writer.wait()


def settle(store: Store, version: int, *, promoted: bool) -> None:
    log = ModelLog(store, "m")
    final = CandidateLog(store, "m", version).progress().commits[-1]
    records: tuple[Record, ...] = (
        CandidateStarted(version=version, candidate=f"c{version}", parent=None, slices=(WEEK,)),
        CandidateTrained(
            version=version, step=final.step, stopped_by="max_steps", checkpoints=1,
            manifest=final.manifest, artifacts={},
        ),
        Evaluated(version=version, champion=None, passed=promoted, metrics={}, verdicts=()),
        (Promoted if promoted else Rejected)(version=version, champion=None),
    )  # fmt: skip
    for record in records:
        log.append(record, after=log.state())


def chunks(store: Store) -> int:
    return sum(1 for entry in store.list("chunks/") if entry.size)


def steps(store: Store) -> list[str]:
    return sorted("/".join(e.name.split("/")[2:4]) for e in store.list("models/") if "/manifest-" in e.name)


def values_of(store: Store, version: int) -> list[float]:
    final = CandidateLog(store, "m", version).progress().commits[-1]
    return [float(array[0]) for array in read_tensors(store, load_manifest(store, final.manifest)).values()]


def test_a_store_without_garbage_is_left_alone(store: Store) -> None:
    with writer_of(store, 1, Keep()) as writer:
        save(writer, 1, 1, 2)
        save(writer, 2, 1, 3)
    found = find_garbage(store, grace=0)
    assert found.entries == ()
    assert (found.kept_manifests, found.kept_chunks) == (2, 3)


def test_chunks_of_dropped_checkpoints_go_and_shared_ones_stay(store: Store) -> None:
    with writer_of(store, 1, Keep(last=1)) as writer:
        for step in (1, 2, 3):
            save(writer, step, 100, step)
    assert steps(store) == ["v1/iter_num=3"], "retention removes manifests by itself"
    found = find_garbage(store, grace=0)
    assert len(found.chunks) == 2
    removed = remove_garbage(store, found)
    assert sum(entry.size for entry in removed) == found.nbytes == 2 * 4096
    assert chunks(store) == 2
    assert values_of(store, 1) == [100, 3]


def test_what_is_younger_than_the_grace_period_stays(store: Store) -> None:
    with writer_of(store, 1, Keep(last=1)) as writer:
        save(writer, 1, 1)
        save(writer, 2, 2)
    assert find_garbage(store, grace=3600).entries == ()
    assert len(find_garbage(store, grace=0).entries) == 1


def test_a_save_that_was_never_committed_goes_whole(store: Store) -> None:
    with writer_of(store, 1, Keep(), commits=False) as writer:
        save(writer, 1, 1)
    found = find_garbage(store, grace=0)
    assert (len(found.manifests), len(found.chunks)) == (1, 1)
    remove_garbage(store, found)
    assert (steps(store), chunks(store)) == ([], 0)


def test_a_refused_version_goes_and_a_promoted_one_stays(store: Store) -> None:
    for version, promoted in ((1, True), (2, False)):
        with writer_of(store, version, Keep()) as writer:
            save(writer, 1, 100, version)
        store.put(f"models/m/v{version}/iter_num=1/intermediate_results/results.npz", b"x")
        settle(store, version, promoted=promoted)
    store.put("models/m/requests/1.answer.json", b"{}")
    store.put("models/m/v2/progress/000001-00000007-0123abcd.json", b"{}")  # its writer was killed
    assert not find_garbage(store).requests, "they are young"
    found = find_garbage(store, grace=0)
    assert [len(found.manifests), len(found.results), len(found.requests), len(found.chunks)] == [1, 1, 2, 1]
    remove_garbage(store, found)
    assert steps(store) == ["v1/iter_num=1"]
    assert values_of(store, 1) == [100, 1]
    assert find_garbage(store, grace=0).entries == ()


def test_a_manifest_that_cannot_be_read_stops_the_search(store: Store) -> None:
    with writer_of(store, 1, Keep()) as writer:
        save(writer, 1, 1)
    (manifest,) = (entry.name for entry in store.list("models/") if "/manifest-" in entry.name)
    store.put(manifest, b"torn")
    with pytest.raises(Corrupt, match="manifest"):
        find_garbage(store, grace=0)


def test_a_negative_grace_is_refused(store: Store) -> None:
    with pytest.raises(BadInput, match="grace"):
        find_garbage(store, grace=-1)


def test_a_writer_that_comes_back_to_old_bytes_never_loses_them(store: Store) -> None:
    """Each save brings back the bytes that the save before last dropped, while sweeps run without a pause.

    The grace period is as short as it may be: longer than a save. Sweeps and saves would meet in days of
    production once; here they meet all the time.
    """
    grace, done = 3.0, threading.Event()

    def sweep() -> int:
        removed = 0
        while not done.is_set():
            removed += len(remove_garbage(store, find_garbage(store, grace=grace)))
        return removed

    with writer_of(store, 1, Keep(last=1)) as writer:
        for step, value in enumerate((7, 8, 1, 2, 3), start=1):
            save(writer, step, value)  # garbage from now on: 7 and 8 for good
        time.sleep(grace)
        with ThreadPoolExecutor(2) as pool:
            sweeps = [pool.submit(sweep) for _ in range(2)]
            end, step = time.monotonic() + 6, 6
            while time.monotonic() < end:
                for value in (1, 2, 3):
                    save(writer, step, value, 50)
                    assert values_of(store, 1) == [value, 50]
                    step += 1
                time.sleep(0.05 * (step % 7))
            done.set()
            assert sum(each.result() for each in sweeps) > 0, "nothing was swept: the test shows nothing"
    assert values_of(store, 1) == [3, 50]
    time.sleep(grace)
    remove_garbage(store, find_garbage(store, grace=grace))
    assert chunks(store) == 2, "what is garbage goes in the end"
