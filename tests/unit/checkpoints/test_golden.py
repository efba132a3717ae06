"""What older code wrote is read for good: tests/golden/README.md says who wrote what."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

from ckpt_ops.checkpoints import (
    BackgroundWriter,
    Manifest,
    Snapshot,
    load_manifest,
    read_tensors,
)
from ckpt_ops.checkpoints.chunks import CHUNK_BYTES
from ckpt_ops.checkpoints.committed import committed
from ckpt_ops.checkpoints.manifest import SCHEMA
from ckpt_ops.errors import Corrupt
from ckpt_ops.store import LocalStore

GOLDEN = Path(__file__).parents[2] / "golden"
SCHEMAS = range(1, SCHEMA + 1)
STEPS = [1, 2, 3, 4]

Expected = dict[str, tuple[str, tuple[int, ...], bytes]]


@pytest.fixture(params=SCHEMAS, ids=lambda schema: f"schema {schema}")
def folder(request: pytest.FixtureRequest) -> Path:
    return GOLDEN / f"checkpoint-schema-{request.param}"


@pytest.fixture
def store(folder: Path, tmp_path: Path) -> LocalStore:
    """A copy: opening a directory as a store writes to it."""
    shutil.copytree(folder / "store", tmp_path / "store")
    return LocalStore(tmp_path / "store")


def expected(folder: Path, step: int) -> Expected:
    """By name: dtype, shape, bytes."""
    with np.load(folder / "expected.npz") as arrays:
        keys = [key.split(" ", 2) for key in arrays.files]
        return {
            name: (dtype, arrays[f"{at} {dtype} {name}"].shape, arrays[f"{at} {dtype} {name}"].tobytes())
            for at, dtype, name in keys
            if int(at) == step
        }


def content(tensors: dict[str, npt.NDArray[Any]]) -> Expected:
    return {name: (array.dtype.name, array.shape, array.tobytes()) for name, array in tensors.items()}


def manifests(store: LocalStore) -> dict[int, Manifest]:
    """By step, those that the candidate's log commits."""
    return {commit.step: load_manifest(store, commit.manifest) for commit in committed(store, "golden", 1)}


def test_each_folder_is_of_the_schema_that_it_says(folder: Path, store: LocalStore) -> None:
    schemas = {json.loads(store.get(commit.manifest))["schema"] for commit in committed(store, "golden", 1)}
    assert {f"checkpoint-schema-{schema}" for schema in schemas} == {folder.name}


def test_every_committed_checkpoint_is_read_to_the_bit(folder: Path, store: LocalStore) -> None:
    found = manifests(store)
    assert list(found) == STEPS
    for step, manifest in found.items():
        assert content(read_tensors(store, manifest)) == expected(folder, step)


def test_everything_else_in_a_manifest_is_read_too(store: LocalStore) -> None:
    for step, manifest in manifests(store).items():
        assert (manifest.model, manifest.version, manifest.step, manifest.parent) == ("golden", 1, step, None)
        assert manifest.cursor == {"epoch": 0, "step": step}
        assert manifest.slices == (("2013-01-06", "r1"), ("2013-01-13", "r2"))
        assert (manifest.code_digest, manifest.lock_digest) == ("c0de", "10cc")
        assert manifest.structure["config"] == {"layers": ["table", "dense"]}


def test_schema_2_is_read_through_a_chain_of_row_deltas(tmp_path: Path) -> None:
    shutil.copytree(GOLDEN / "checkpoint-schema-2" / "store", tmp_path / "store")
    found = manifests(LocalStore(tmp_path / "store"))
    assert [len(found[step].segments[0].deltas) for step in STEPS] == [0, 1, 2, 3]


def test_training_goes_on_behind_it(folder: Path, store: LocalStore) -> None:
    """The next save is written against the old one, and the old ones stay what they were."""
    before = manifests(store)
    tensors = read_tensors(store, before[4])
    with BackgroundWriter(
        store,
        describe=lambda at, segments: Manifest(
            model="golden", version=1, step=at.step, parent=None, cursor={}, slices=(), segments=segments
        ),
        name=lambda step: f"models/golden/v1/iter_num={step}/manifest-000006.json",
        commit=lambda saved: None,
        large=512,
    ) as writer:
        writer.resume(before[4], Snapshot(step=4, tensors=tensors))
        after = {name: array.copy() for name, array in tensors.items()}
        after["model/table/embeddings"][7] = -1
        writer.submit(Snapshot(step=5, tensors=after))
    saved = load_manifest(store, "models/golden/v1/iter_num=5/manifest-000006.json")
    assert len(saved.segments[0].deltas) == len(before[4].segments[0].deltas) + 1
    assert content(read_tensors(store, saved)) == content(after)
    for step in STEPS:
        assert content(read_tensors(store, before[step])) == expected(folder, step)


def test_chunks_are_of_the_size_that_every_stored_checkpoint_was_cut_with() -> None:
    """Restoring lays chunk n at n times this size. Another one is another schema, which says so itself."""
    assert CHUNK_BYTES == 4 * 1024 * 1024


def test_a_newer_schema_is_refused_by_both_numbers_and_what_to_install(store: LocalStore) -> None:
    name = committed(store, "golden", 1)[-1].manifest
    newer = {**json.loads(store.get(name)), "schema": SCHEMA + 1, "what_we_do_not_know": []}
    store.put(name, json.dumps(newer).encode())
    with pytest.raises(Corrupt, match=f"schema {SCHEMA + 1}; this ckpt_ops reads up to {SCHEMA}") as caught:
        load_manifest(store, name)
    assert name in caught.value.what
    assert caught.value.safe == "nothing was changed"
    assert "install the ckpt_ops version that wrote it" in caught.value.next
