"""A save that fails, whatever of it and however: it is said, and every committed checkpoint stays whole."""

from __future__ import annotations

import resource
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ckpt_ops.checkpoints import (
    BackgroundWriter,
    Commits,
    Keep,
    Manifest,
    Snapshot,
    load_manifest,
    read_tensors,
)
from ckpt_ops.checkpoints.committed import committed
from ckpt_ops.checkpoints.garbage import find_garbage, remove_garbage
from ckpt_ops.errors import CommitStateUnknown, ObjectNotFound, StoreUnavailable
from ckpt_ops.lineage import CandidateLog
from ckpt_ops.store import LocalStore

Array = npt.NDArray[Any]
Tensors = dict[str, Array]
LARGE = 256


def new_writer(store: LocalStore, keep: Keep | None = None) -> BackgroundWriter:
    """Of a new attempt, which goes on behind what is committed."""
    log = CandidateLog(store, "m", 1)
    attempt = log.start_attempt()
    commits = log.progress().commits
    writer = BackgroundWriter(
        store,
        describe=lambda at, segments: Manifest(
            model="m", version=1, step=at.step, parent=None, cursor={}, slices=(), segments=segments
        ),
        name=lambda step: f"models/m/v1/iter_num={step}/manifest-{attempt.token:06d}.json",
        commit=Commits(store, attempt, keep or Keep(), commits).commit,
        large=LARGE,
    )
    if commits:
        last = load_manifest(store, commits[-1].manifest)
        writer.resume(last, Snapshot(step=last.step, tensors=read_tensors(store, last)))
    return writer


def manifests(store: LocalStore) -> dict[int, str]:
    """Names of what is committed, by step."""
    return {commit.step: commit.manifest for commit in committed(store, "m", 1)}


def steps(store: LocalStore) -> list[int]:
    return list(manifests(store))


def restored(store: LocalStore, step: int) -> Tensors:
    return read_tensors(store, load_manifest(store, manifests(store)[step]))


def assert_bitwise_equal(found: Tensors, expected: Tensors) -> None:
    assert {name: array.tobytes() for name, array in found.items()} == {
        name: array.tobytes() for name, array in expected.items()
    }


def with_rows(tensors: Tensors, rows: list[int], value: float) -> Tensors:
    """The same, with these rows of the table set."""
    table = tensors["table"].copy()
    table[rows] = value
    return {**tensors, "table": table}


@pytest.fixture
def first() -> Tensors:
    return {"table": np.arange(800, dtype="float32").reshape(200, 4), "bias": np.zeros(3, "float32")}


# --- a full disk --------------------------------------------------------------------------------


@contextmanager
def files_no_larger_than(limit: int) -> Iterator[None]:
    """A disk that is full after `limit` bytes of a file, as far as who writes can tell."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (limit, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


@pytest.mark.parametrize(
    ("changed", "limit", "refused"),
    [
        (list(range(200)), 1000, r"chunks/"),  # the table, whole
        (list(range(60)), 1000, r"chunks/"),  # a row delta
        ([7], 200, r"iter_num=2/manifest"),  # it fits, its manifest doesn't
    ],
    ids=["at a table", "at a row delta", "at the manifest"],
)
def test_a_save_to_a_full_disk_is_raised_and_leaves_nothing(
    tmp_path: Path, first: Tensors, changed: list[int], limit: int, refused: str
) -> None:
    store = LocalStore(tmp_path)
    with new_writer(store) as writer:
        writer.submit(Snapshot(step=1, tensors=first))
        writer.wait()
        with files_no_larger_than(limit):
            writer.submit(Snapshot(step=2, tensors=with_rows(first, changed, -1)))
            with pytest.raises(StoreUnavailable, match=f"the file system refused .*{refused}") as caught:
                writer.submit(Snapshot(step=3, tensors=first))
        assert caught.value.safe == "no object was changed"
        assert caught.value.next == f"df -h {tmp_path}"
        assert steps(store) == [1]
        assert_bitwise_equal(restored(store, 1), first)
        assert [path.name for path in (tmp_path / ".staging").iterdir()] == ["lock"]

        writer.submit(Snapshot(step=4, tensors=with_rows(first, changed, -1)))  # there is space again
    assert steps(store) == [1, 4]
    assert_bitwise_equal(restored(store, 4), with_rows(first, changed, -1))


def test_a_full_disk_at_the_commit_is_a_save_that_never_was(tmp_path: Path, first: Tensors) -> None:
    store = LocalStore(tmp_path)
    with new_writer(store) as writer:
        writer.submit(Snapshot(step=1, tensors=first))
        writer.wait()
        put = store.put

        def fill_the_disk_behind_the_manifest(name: str, data: bytes | memoryview) -> None:
            put(name, data)
            if "manifest" in name:
                resource.setrlimit(resource.RLIMIT_FSIZE, (50, resource.getrlimit(resource.RLIMIT_FSIZE)[1]))

        store.put = fill_the_disk_behind_the_manifest  # type: ignore[method-assign]
        with files_no_larger_than(100_000):
            writer.submit(Snapshot(step=2, tensors=with_rows(first, [7], -1)))
            with pytest.raises(StoreUnavailable, match=r"v1/log/000003\.json"):
                writer.wait()
    assert steps(store) == [1]
    assert_bitwise_equal(restored(store, 1), first)
    assert [path.name for path in (tmp_path / ".staging").iterdir()] == ["lock"]


# --- any failure --------------------------------------------------------------------------------


class FaultyStore(LocalStore):
    """Fails the writes that `fails` picks, before they are done or (`replies_lost`) behind them."""

    fails: Callable[[str], bool] = staticmethod(lambda name: False)
    replies_lost = False

    def put(self, name: str, data: bytes | memoryview) -> None:
        if not self.fails(name):
            super().put(name, data)
            return
        if self.replies_lost:
            super().put(name, data)
        raise StoreUnavailable(f"injected: {name}")

    def put_if_absent(self, name: str, data: bytes) -> bool:
        if not self.fails(name):
            return super().put_if_absent(name, data)
        if self.replies_lost:
            super().put_if_absent(name, data)
        raise CommitStateUnknown(f"injected: {name}")

    def heal(self) -> None:
        self.fails = lambda name: False


@pytest.mark.parametrize("part", ["chunks/", "manifest", "/log/"])
@pytest.mark.parametrize("lost", [False, True], ids=["never done", "reply lost"])
def test_a_failed_save_after_a_chain_of_row_deltas_is_not_built_upon(
    tmp_path: Path, first: Tensors, part: str, lost: bool
) -> None:
    store = FaultyStore(tmp_path)
    series = {1: first, 2: with_rows(first, [2, 3], -2), 3: with_rows(first, [3, 4], -3)}
    with new_writer(store) as writer:
        for step, tensors in series.items():
            writer.submit(Snapshot(step=step, tensors=tensors))
        writer.wait()
        store.fails, store.replies_lost = lambda name: part in name, lost
        series[4] = with_rows(series[3], [5], -4)
        writer.submit(Snapshot(step=4, tensors=series[4]))
        with pytest.raises((StoreUnavailable, CommitStateUnknown), match="injected"):
            writer.wait()
        store.heal()
        remove_garbage(store, find_garbage(store, grace=0))
        series[5] = with_rows(series[4], [6], -5)
        writer.submit(Snapshot(step=5, tensors=series[5]))
    assert steps(store) == ([1, 2, 3, 4, 5] if part == "/log/" and lost else [1, 2, 3, 5])
    for step in steps(store):
        assert_bitwise_equal(restored(store, step), series[step])


def chunks_ending_in(digits: str) -> Callable[[str], bool]:
    return lambda name: name.startswith("chunks/") and name[-1] in digits


FAULTS = st.sampled_from(
    [
        None,
        None,
        chunks_ending_in("01234567"),
        chunks_ending_in("89abcdef"),
        lambda name: name.startswith("chunks/"),
        lambda name: "manifest" in name,
        lambda name: "/log/" in name,
    ]
)
SAVES = st.lists(
    st.fixed_dictionaries(
        {
            "fault": FAULTS,
            "replies_lost": st.booleans(),
            "rows": st.sampled_from([0, 0, 1, 3, 10, 60]),
            "sweep": st.booleans(),
            "killed": st.sampled_from([False, False, False, True]),
        }
    ),
    min_size=1,
    max_size=12,
)


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(saves=SAVES, keep=st.sampled_from([Keep(), Keep(last=1), Keep(last=2)]), seed=st.integers(0, 99))
def test_whatever_fails_every_committed_checkpoint_is_what_was_captured(
    tmp_path: Path, saves: list[dict[str, Any]], keep: Keep, seed: int
) -> None:
    """Saves fail at any part, garbage goes at once, and the process is killed now and then."""
    root = tmp_path / uuid.uuid4().hex
    root.mkdir()
    store, draw = FaultyStore(root), np.random.default_rng(seed)
    captured: dict[int, Tensors] = {}
    tensors: Tensors = {
        "table": draw.normal(size=(80, 2)).astype("float32"),
        "other": draw.normal(size=(40, 1)).astype("float64"),
        "flat": draw.normal(size=(100,)).astype("float32"),
        "step": np.array(0),
    }
    writer = new_writer(store, keep)
    for step, save in enumerate(saves, start=1):
        tensors = {name: array.copy() for name, array in tensors.items()}
        for name in ("table", "other"):
            chosen = draw.choice(len(tensors[name]), min(save["rows"], len(tensors[name])), replace=False)
            tensors[name][chosen] = draw.integers(0, 2, (len(chosen), 1))
        tensors["flat"][: save["rows"] % 2] += 1
        tensors["step"] = np.array(step // 2)  # every other save, so that some chunks come again
        captured[step] = tensors

        before = steps(store)
        store.fails, store.replies_lost = save["fault"] or (lambda name: False), save["replies_lost"]
        writer.submit(Snapshot(step=step, tensors=tensors))
        try:
            writer.wait()
        except (StoreUnavailable, CommitStateUnknown):
            failed = True
        else:
            failed = False
        store.heal()
        written = steps(store) == [*before, step]
        assert written or steps(store) == before
        assert written or failed, "a save that was not committed was not said to have failed"

        if save["killed"]:
            writer.__exit__(None, None, None)
            writer = new_writer(store, keep)
        if save["sweep"]:
            remove_garbage(store, find_garbage(store, grace=0))
        names = manifests(store)
        for number, at in enumerate(reversed(names)):
            try:
                manifest = load_manifest(store, names[at])
            except ObjectNotFound:
                assert number >= (keep.last or len(names)), "a checkpoint is gone that should be kept"
            else:
                assert_bitwise_equal(read_tensors(store, manifest), captured[at])
    writer.__exit__(None, None, None)
