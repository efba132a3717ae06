"""Parts of one slice that differ in types or in the order of columns: one slice, or refused by name."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

import pyarrow as pa
import pytest

from ckpt_ops.contract import check_source
from ckpt_ops.errors import SliceUnreadable
from ckpt_ops.slices import pull, read_slice
from ckpt_ops.slices.joining import one_after_the_other
from ckpt_ops.slices.pull import pulled_revision
from ckpt_ops.store import LocalStore

KEY = "2013-01-06"
READ: list[str] = []
WORDS = pa.array(["a", "b"])
AT = pa.array([1_000_000, 2_000_000], pa.timestamp("us", tz="UTC"))


@dataclass(frozen=True)
class Days:
    """One slice of tables by part."""

    tables: tuple[pa.Table, ...] = field(repr=False)
    name: str = "days"

    @property
    def schema(self) -> pa.Schema:
        return self.tables[0].schema

    def keys(self, start: datetime, end: datetime) -> list[str]:
        return [KEY]

    def fingerprint(self, key: str) -> str:
        return "1"

    def parts(self, key: str) -> dict[str, str]:
        return {f"part-{at}": "1" for at in range(len(self.tables))}

    def read(self, key: str) -> Iterator[pa.RecordBatch]:
        readers = {part: (lambda part=part: self.read_part(key, part)) for part in self.parts(key)}
        return one_after_the_other(readers, of=key)

    def read_part(self, key: str, part: str) -> Iterator[pa.RecordBatch]:
        READ.append(part)
        table = self.tables[int(part.removeprefix("part-"))]
        yield pa.RecordBatch.from_pylist([], schema=table.schema)
        yield from table.to_batches()


@pytest.fixture
def store(tmp_path: Path) -> LocalStore:
    READ.clear()
    return LocalStore(tmp_path)


@pytest.mark.parametrize(
    ("first", "second", "kind"),
    [
        (WORDS, pa.nulls(2), pa.string()),
        (pa.nulls(2), WORDS, pa.string()),
        (pa.array([1, 2]), pa.array([1.5, None]), pa.float64()),
        (pa.array([1.5, None]), pa.array([2**60, -(2**60)]), pa.float64()),
        (WORDS.cast(pa.large_string()), WORDS, pa.large_string()),
        (WORDS.dictionary_encode(), WORDS, pa.string()),
        (WORDS.dictionary_encode(), WORDS.cast(pa.dictionary(pa.int8(), pa.string())), pa.string()),
        (AT, AT.cast(pa.timestamp("us", tz="+00:00")), pa.timestamp("us", tz="UTC")),
        (AT, AT.cast(pa.timestamp("ns", tz="Etc/UTC")), pa.timestamp("ns", tz="UTC")),
        (pa.array([1, 2], pa.int8()), pa.array([300, 2]), pa.int64()),
        (pa.array([1, 2], pa.decimal128(5, 2)), pa.array([1, 2], pa.decimal128(9, 1)), pa.decimal128(10, 2)),
        (pa.array([["a"], []]), pa.array([[], []], pa.list_(pa.null())), pa.list_(pa.string())),
        (
            pa.array([{"a": 1}, None], pa.struct([("a", pa.int8())])),
            pa.array([{"a": 1000}, None], pa.struct([("a", pa.int64())])),
            pa.struct([("a", pa.int64())]),
        ),
    ],
)  # fmt: skip
def test_parts_of_other_types_become_one_slice_without_a_loss(
    store: LocalStore, first: pa.Array, second: pa.Array, kind: pa.DataType
) -> None:
    source = Days((pa.table({"n": [1, 2], "x": first}), pa.table({"n": [3, 4], "x": second})))
    manifest = pull(store, source, KEY)
    table = read_slice(store, manifest)
    assert table.schema.field("x").type == kind
    assert table["x"].to_pylist() == first.to_pylist() + second.to_pylist()
    assert [column.type for column in manifest.columns] == [str(each.type) for each in table.schema]
    assert pa.Table.from_batches(source.read(KEY)).cast(table.schema).equals(table)
    assert [
        check for check in check_source(source, [KEY]) if check.name.startswith("parts") and not check.passed
    ] == []


def test_columns_go_by_name(store: LocalStore) -> None:
    tables = (
        pa.table({"n": [1], "x": ["a"]}),
        pa.table({"x": ["b"], "n": [2]}),
        pa.table({"n": [3], "x": ["c"]}),
    )
    rows = read_slice(store, pull(store, Days(tables), KEY)).to_pylist()
    assert rows == [{"n": n, "x": x} for n, x in zip((1, 2, 3), "abc", strict=True)]


def test_a_part_without_rows_says_nothing_of_types(store: LocalStore) -> None:
    empty = pa.table({"n": pa.array([], pa.string())})
    manifest = pull(store, Days((pa.table({"n": [1]}), empty)), KEY)
    assert read_slice(store, manifest)["n"].to_pylist() == [1]


def test_what_was_joined_is_found_again_without_reading_a_row(store: LocalStore) -> None:
    source = Days((pa.table({"x": WORDS}), pa.table({"x": pa.nulls(2)})))
    assert pulled_revision(store, source, KEY) is None
    manifest = pull(store, source, KEY)
    before = {entry.name for entry in store.list("")}
    READ.clear()
    assert pulled_revision(store, source, KEY) == manifest.revision
    assert pull(store, source, KEY) == manifest
    assert READ == []
    assert {entry.name for entry in store.list("")} == before


@pytest.mark.parametrize(
    ("first", "second", "said"),
    [
        (
            pa.array([1.5]),
            pa.array([2**53 + 1]),
            "x is int64 in 'part-1', where 9007199254740993 is no double",
        ),
        (pa.array([1]), pa.array(["1"]), "x is string in 'part-1' and int64 in those before it"),
        (AT[:1], AT[:1].cast(pa.timestamp("us", tz="Europe/Berlin")), "x is timestamp"),
        (AT[:1], AT[:1].cast(pa.timestamp("us")), "x is timestamp"),
    ],
)
def test_what_does_not_go_together_is_refused_by_column_part_and_value(
    store: LocalStore, first: pa.Array, second: pa.Array, said: str
) -> None:
    source = Days((pa.table({"x": first}), pa.table({"x": second})))
    for read in (lambda: pull(store, source, KEY), lambda: list(source.read(KEY))):
        with pytest.raises(SliceUnreadable, match=said) as caught:
            read()
        assert "write 'part-1' again" in str(caught.value)


def test_parts_with_other_columns_are_refused(store: LocalStore) -> None:
    source = Days((pa.table({"n": [1], "x": [1]}), pa.table({"n": [1], "y": [1]})))
    with pytest.raises(SliceUnreadable, match="'part-0' alone has x, 'part-1' alone has y"):
        pull(store, source, KEY)
