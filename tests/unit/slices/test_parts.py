"""Slices of several parts: pulled side by side, gone on with after a kill, committed as one."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

import pyarrow as pa
import pytest

from ckpt_ops.errors import SliceChanging, SliceEmpty, SourceUnavailable
from ckpt_ops.slices import commit, list_slices, parts_of, pull, pull_part, read_slice, staged
from ckpt_ops.store import LocalStore

KEY = "2013-01-06"
READ: list[str] = []
"""Every part that a source was asked to read since the test began."""


@pytest.fixture(autouse=True)
def nothing_read() -> None:
    READ.clear()


@dataclass(frozen=True)
class Parts:
    """Parts as the test says: (fingerprint, numbers) by name."""

    tables: dict[str, tuple[str, list[int]]] = field(repr=False)
    broken: str = field(default="", repr=False)
    name: str = "parts"
    several: bool = True

    @property
    def schema(self) -> pa.Schema:
        return pa.schema([("n", pa.int64())])

    def keys(self, start: datetime, end: datetime) -> list[str]:
        return [KEY]

    def fingerprint(self, key: str) -> str:
        return " ".join(self.parts(key).values())

    def parts(self, key: str) -> dict[str, str]:
        return {name: fingerprint for name, (fingerprint, _) in self.tables.items()}

    def read(self, key: str) -> Iterator[pa.RecordBatch]:
        for part in self.tables:
            yield from self.read_part(key, part)

    def read_part(self, key: str, part: str) -> Iterator[pa.RecordBatch]:
        if part == self.broken:
            raise SourceUnavailable(f"{part} does not answer")
        READ.append(part)
        yield pa.record_batch({"n": pa.array(self.tables[part][1], pa.int64())})


THREE = {"a": ("1", [1, 2]), "b": ("1", []), "c": ("1", [3])}


@pytest.fixture
def store(tmp_path: Path) -> LocalStore:
    return LocalStore(tmp_path)


def test_parts_pulled_side_by_side_are_the_slice_that_one_process_pulls(
    store: LocalStore, tmp_path: Path
) -> None:
    source = Parts(THREE)
    with ThreadPoolExecutor() as pool:
        list(pool.map(lambda part: pull_part(store, source, KEY, part), reversed(parts_of(source, KEY))))
    manifest = commit(store, source, KEY)
    assert read_slice(store, manifest)["n"].to_pylist() == [1, 2, 3]
    (tmp_path / "other").mkdir()
    assert pull(LocalStore(tmp_path / "other"), source, KEY).revision == manifest.revision


def test_a_pull_that_broke_off_goes_on_with_the_parts_it_lacks(store: LocalStore) -> None:
    with pytest.raises(SourceUnavailable):
        pull(store, Parts(THREE, broken="c"), KEY)
    assert (READ, list_slices(store, "parts")) == (["a", "b"], [])
    pull(store, Parts(THREE), KEY)
    assert READ == ["a", "b", "c"]


def test_only_a_part_that_changed_is_read_again_and_only_its_rows_are_written(store: LocalStore) -> None:
    first = pull(store, Parts(THREE), KEY)
    READ.clear()
    second = pull(store, Parts(THREE | {"c": ("2", [4])}), KEY)
    assert READ == ["c"]
    assert first.files[0] == second.files[0]
    assert read_slice(store, second)["n"].to_pylist() == [1, 2, 4]
    assert read_slice(store, first)["n"].to_pylist() == [1, 2, 3]


def test_nothing_is_committed_while_parts_come_go_or_change(store: LocalStore) -> None:
    pull(store, Parts(THREE), KEY)
    for now in (THREE | {"d": ("1", [5])}, THREE | {"a": ("2", [1, 2])}):
        with pytest.raises(SliceChanging):
            commit(store, Parts(now), KEY)
    with pytest.raises(SliceChanging, match="'gone' is gone"):
        pull_part(store, Parts(THREE), KEY, "gone")
    assert len(list_slices(store, "parts")) == 1


def test_a_slice_whose_parts_are_all_empty_has_no_rows(store: LocalStore) -> None:
    with pytest.raises(SliceEmpty):
        pull(store, Parts({"a": ("1", []), "b": ("1", [])}), KEY)


def test_a_reader_that_was_mended_reads_again(store: LocalStore) -> None:
    @dataclass(frozen=True)
    class Mended(Parts):
        delimiter: str = ";"

    pull(store, Parts(THREE), KEY)
    pull(store, Mended(THREE), KEY)
    assert READ == ["a", "b", "c"] * 2


def test_a_staged_slice_gives_its_rows_again_and_again_and_only_the_columns_asked_for(
    store: LocalStore,
) -> None:
    with staged(store, pull(store, Parts(THREE), KEY)) as rows:
        assert (rows.rows, rows.schema.names) == (3, ["n"])
        for _ in range(2):
            assert [n for batch in rows.batches(["n"]) for n in batch["n"].to_pylist()] == [1, 2, 3]
