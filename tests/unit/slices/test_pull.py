"""Pulling a slice: committed last, written once, checked when read."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

import pyarrow as pa
import pytest

from ckpt_ops.errors import BadInput, Corrupt, ObjectNotFound, SliceChanging, SliceEmpty, SliceUnreadable
from ckpt_ops.slices import list_slices, load_manifest, pull, read_slice
from ckpt_ops.store import LocalStore

TABLE = pa.table({"n": list(range(10)), "word": [f"w{n % 3}" for n in range(10)]})
KEY = "2013-01-06"


@dataclass
class Made:
    """A source of what the test says, in batches as the test cuts them."""

    batches: list[pa.RecordBatch]
    fingerprints: list[str] = field(default_factory=lambda: ["one"])
    name: str = "made"

    @property
    def schema(self) -> pa.Schema:
        return TABLE.schema

    def keys(self, start: datetime, end: datetime) -> list[str]:
        return [KEY]

    def fingerprint(self, key: str) -> str:
        return self.fingerprints.pop(0) if len(self.fingerprints) > 1 else self.fingerprints[0]

    def read(self, key: str) -> Iterator[pa.RecordBatch]:
        return iter(self.batches)


def made(table: pa.Table, batch_rows: int = 100) -> Made:
    return Made(table.to_batches(max_chunksize=batch_rows))


@pytest.fixture
def store(tmp_path: Path) -> LocalStore:
    return LocalStore(tmp_path)


def objects(store: LocalStore) -> dict[str, str]:
    return {entry.name: entry.fingerprint for entry in store.list("")}


def test_rows_come_back_as_they_came_across_parts(store: LocalStore) -> None:
    manifest = pull(store, made(TABLE, batch_rows=4), KEY, rows_per_file=3)
    assert [file.rows for file in manifest.files] == [3, 3, 3, 1]
    assert (manifest.rows, manifest.source, manifest.key, manifest.fingerprint) == (10, "made", KEY, "one")
    assert [(column.name, column.type) for column in manifest.columns] == [("n", "int64"), ("word", "string")]
    assert read_slice(store, manifest).equals(TABLE)
    assert load_manifest(store, "made", KEY, manifest.revision) == manifest
    assert f"{manifest.prefix}/slice.json" in objects(store)


def test_the_same_content_again_writes_nothing(store: LocalStore) -> None:
    first = pull(store, made(TABLE), KEY)
    there = objects(store)
    assert pull(store, made(TABLE), KEY) == first
    assert objects(store) == there
    again = made(TABLE, batch_rows=1)
    again.fingerprints = ["landed again"]
    assert pull(store, again, KEY) == first
    new = objects(store).keys() - there.keys()
    assert [name.split("/")[3] for name in new] == ["parts"], "nothing but the receipt of another reading"


def test_bytes_do_not_hang_on_how_the_source_cut_its_batches(tmp_path: Path) -> None:
    pulled = []
    for rows in (1, 7):
        (tmp_path / str(rows)).mkdir()
        pulled.append(pull(LocalStore(tmp_path / str(rows)), made(TABLE, batch_rows=rows), KEY).files)
    assert pulled[0] == pulled[1]


def test_changed_content_is_a_new_revision_beside_the_old_one(store: LocalStore) -> None:
    first = pull(store, made(TABLE), KEY)
    corrected = pull(store, made(TABLE.slice(0, 9)), KEY)
    reordered = pull(store, made(TABLE.take(list(range(9, -1, -1)))), KEY)
    assert len({first.revision, corrected.revision, reordered.revision}) == 3
    assert read_slice(store, first).equals(TABLE)


def test_a_slice_that_grows_while_it_is_read_is_not_taken(store: LocalStore) -> None:
    growing = made(TABLE)
    growing.fingerprints = ["generation 1", "generation 2"]
    with pytest.raises(SliceChanging, match="generation 1, then generation 2"):
        pull(store, growing, KEY)
    assert objects(store) == {}


def test_a_pull_that_died_before_its_commit_is_finished_by_the_next(
    store: LocalStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as dying:
        dying.setattr(LocalStore, "put_if_absent", lambda self, name, data: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            pull(store, made(TABLE), KEY)
    assert list_slices(store, "made") == []
    manifest = pull(store, made(TABLE), KEY)
    assert list_slices(store, "made") == [manifest]
    assert read_slice(store, manifest).equals(TABLE)


def test_a_racer_that_committed_first_gives_the_manifest(
    store: LocalStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    commit = LocalStore.put_if_absent

    def lose(self: LocalStore, name: str, data: bytes) -> bool:
        commit(self, name, data.replace(b'"one"', b'"the racer"'))
        return commit(self, name, data)

    monkeypatch.setattr(LocalStore, "put_if_absent", lose)
    assert pull(store, made(TABLE), KEY).fingerprint == "the racer"


def test_a_changed_file_is_corrupt(store: LocalStore) -> None:
    manifest = pull(store, made(TABLE), KEY)
    name = manifest.files[0].name
    data = store.get(name)
    store.put(name, data[:-1] + bytes([data[-1] ^ 1]))
    with pytest.raises(Corrupt, match=name) as caught:
        read_slice(store, manifest)
    assert f"delete {store.url}/{name}" in caught.value.next
    store.delete(name)
    pull(store, made(TABLE), KEY)
    assert read_slice(store, manifest).equals(TABLE)


@pytest.mark.parametrize("data", [b"{", b"[]", b'{"format": 9}', b'{"format": 1}'])
def test_a_changed_manifest_is_corrupt(store: LocalStore, data: bytes) -> None:
    manifest = pull(store, made(TABLE), KEY)
    store.put(f"{manifest.prefix}/slice.json", data)
    with pytest.raises(Corrupt, match=r"slice\.json"):
        load_manifest(store, "made", KEY, manifest.revision)


def test_types_that_parquet_alters_are_altered_before_they_are_hashed(store: LocalStore) -> None:
    seconds = pa.table({"at": pa.array([0, 1], pa.timestamp("s", tz="UTC"))})
    manifest = pull(store, made(seconds), KEY)
    assert manifest.columns[0].type == "timestamp[ms, tz=UTC]"
    assert str(read_slice(store, manifest).schema.field("at").type) == "timestamp[ms, tz=UTC]"
    assert pull(store, made(seconds.cast(pa.schema([("at", pa.timestamp("ms", tz="UTC"))]))), KEY) == manifest


def test_slices_are_listed_by_key(store: LocalStore) -> None:
    later = pull(store, made(TABLE), "2013-01-13")
    earlier = pull(store, made(TABLE), KEY)
    assert list_slices(store, "made") == [earlier, later]
    assert list_slices(store, "made", "2013-01-13") == [later]
    assert list_slices(store, "other") == []


def test_what_a_source_may_not_do(store: LocalStore) -> None:
    with pytest.raises(SliceEmpty, match="has no rows"):
        pull(store, Made([]), KEY)
    with pytest.raises(SliceEmpty, match="has no rows"):
        pull(store, made(TABLE.slice(0, 0)), KEY)
    two = [pa.record_batch({"n": [1]}), pa.record_batch({"n": ["one"]})]
    with pytest.raises(SliceUnreadable, match="different schemas"):
        pull(store, Made(two), KEY)
    assert list_slices(store, "made") == []
    assert not [name for name in objects(store) if "/data/" in name]


def test_names_are_checked_at_the_door(store: LocalStore) -> None:
    with pytest.raises(BadInput, match="slice key"):
        pull(store, made(TABLE), "../up")
    with pytest.raises(BadInput, match="slice revision"):
        load_manifest(store, "made", KEY, "latest")
    with pytest.raises(ObjectNotFound):
        load_manifest(store, "made", KEY, "0" * 16)
