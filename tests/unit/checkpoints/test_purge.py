"""What goes with versions: all that they alone are made of, and nothing that somebody else may count on."""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest

from ckpt_ops.checkpoints import Manifest
from ckpt_ops.checkpoints.chunks import digest_of
from ckpt_ops.checkpoints.manifest import Segment, TensorEntry
from ckpt_ops.checkpoints.purge import OfVersions, objects_of
from ckpt_ops.lineage import CandidateLog
from ckpt_ops.lineage.candidate_log import Attempt
from ckpt_ops.store import LocalStore
from ckpt_ops.store.content import chunk_name

SHARED, FIRST, SECOND, LOST = b"frozen", b"first", b"second", b"of a step that retention dropped"


@pytest.fixture
def store(tmp_path: Path) -> LocalStore:
    """Version 1 stays; version 2, which shares a chunk with it, ended after it and goes."""
    store = LocalStore(tmp_path)
    end(save(store, 1, SHARED, FIRST))
    upload(store, LOST)
    end(save(store, 2, SHARED, SECOND))
    for name in (
        "v2/iter_num=1/intermediate_results/results-000001.npz",
        "v2/attempt=000001/predictions.parquet",
        "v2/attempt=000001/export/saved_model.pb",
        "v2/progress/000001-00000007-0123abcd.json",
        "serving/2/saved_model.pb",
        "serving/1/saved_model.pb",
    ):
        store.put(f"models/m/{name}", b"x")
    store.put("models/m/requests/a.answer.json", b'{"version": 2}')
    store.put("models/m/requests/b.answer.json", b'{"version": 1}')
    store.put("models/m/requests/c.json", b'{"id": "c"}')
    return store


def upload(store: LocalStore, data: bytes) -> str:
    store.put(chunk_name(digest_of(data)), data)
    return digest_of(data)


def octets(name: str, data: bytes) -> TensorEntry:
    return TensorEntry(name=name, dtype="uint8", shape=(len(data),), offset=0, nbytes=len(data))


def save(store: LocalStore, version: int, *data: bytes, model: str = "m") -> Attempt:
    attempt = CandidateLog(store, model, version).start_attempt()
    segments = tuple(
        Segment(chunks=(upload(store, one),), tensors=(octets(f"{number}", one),))
        for number, one in enumerate(data)
    )
    manifest = Manifest(
        model=model, version=version, step=1, parent=None, cursor={}, slices=(), segments=segments
    )
    name = f"models/{model}/v{version}/iter_num=1/manifest-{attempt.token:06d}.json"
    store.put(name, manifest.encode())
    attempt.commit(step=1, manifest=name)
    return attempt


def end(attempt: Attempt) -> None:
    attempt.end({"outcome": "trained"})


def chunks(found: OfVersions) -> set[str]:
    return {entry.name for entry in found.chunks}


def named(*data: bytes) -> set[str]:
    return {chunk_name(digest_of(one)) for one in data}


def test_everything_of_the_version_goes_but_its_log_and_what_others_share(store: LocalStore) -> None:
    found = objects_of(store, "m", {2})
    assert {entry.name.removeprefix("models/m/") for entry in found.objects} == {
        "serving/2/saved_model.pb",
        "requests/a.answer.json",
        "v2/iter_num=1/manifest-000001.json",
        "v2/iter_num=1/intermediate_results/results-000001.npz",
        "v2/attempt=000001/predictions.parquet",
        "v2/attempt=000001/export/saved_model.pb",
        "v2/progress/000001-00000007-0123abcd.json",
    }
    assert found.objects[0].name == "models/m/serving/2/saved_model.pb", "first of all, nobody serves it"
    assert chunks(found) == named(SECOND, LOST)
    assert found.spared == ()


def test_without_versions_nothing_goes(store: LocalStore) -> None:
    assert objects_of(store, "m", set()) == OfVersions(objects=(), chunks=(), spared=())


def test_what_is_written_after_the_version_ended_stays(store: LocalStore) -> None:
    upload(store, b"by a training that has just begun")
    assert chunks(objects_of(store, "m", {2})) == named(SECOND, LOST)
    upload(store, SECOND)
    assert chunks(objects_of(store, "m", {2})) == named(LOST)


def test_while_somebody_trains_young_chunks_are_spared(store: LocalStore) -> None:
    attempt = save(store, 1, b"another model", model="other")
    found = objects_of(store, "m", {2})
    assert chunks(found) == set()
    assert {entry.name for entry in found.spared} == named(SECOND, LOST)
    two_days_ago = time.time() - 2 * 24 * 3600
    os.utime(store.root / chunk_name(digest_of(LOST)), (two_days_ago, two_days_ago))
    assert chunks(objects_of(store, "m", {2})) == named(LOST), "no save takes that long"
    end(attempt)
    assert chunks(objects_of(store, "m", {2})) == named(SECOND, LOST)


def test_a_checkpoint_of_another_model_keeps_what_it_names(store: LocalStore) -> None:
    end(save(store, 1, SECOND, model="other"))
    assert chunks(objects_of(store, "m", {2})) == named(LOST)
