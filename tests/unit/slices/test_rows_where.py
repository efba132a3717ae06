"""`RowsWhere`: the slices of a source, and of each only some rows."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from ckpt_ops import Files, RowsWhere, Since
from ckpt_ops.contract import check_source
from ckpt_ops.errors import BadInput, SliceEmpty, SliceUnreadable
from ckpt_ops.slices import PartedSource, pull, read_slice, worth_sharing
from ckpt_ops.slices.parts import receipt_name
from ckpt_ops.store import LocalStore

KEY = "2013-01-06"
SCHEMA = pa.schema([("carrier", pa.string()), ("late", pa.bool_()), ("flight", pa.int64())])
ROWS = {"carrier": ["AA", "UA", None, "AA"], "late": [True, False, True, False], "flight": [1, 2, 3, 4]}


@pytest.fixture
def landing(tmp_path: Path) -> Path:
    folder = tmp_path / "landing"
    (folder / KEY).mkdir(parents=True)
    write(folder, ROWS)
    return folder


def write(folder: Path, rows: dict[str, Any], part: str = "a", schema: pa.Schema | None = SCHEMA) -> None:
    pq.write_table(pa.table(rows, schema=schema), folder / KEY / f"{part}.parquet")


def weeks(folder: Path, template: str = "{key}/*.parquet") -> Files:
    return Files(name="weeks", schema=SCHEMA, template=template, url=folder.as_uri())


def american(folder: Path, **changes: Any) -> RowsWhere:
    settings = {"name": "w.AA", "source": weeks(folder), "column": "carrier", "value": "AA", **changes}
    return RowsWhere(**settings)


def flights(batches: Iterator[pa.RecordBatch]) -> list[int]:
    return [row["flight"] for batch in batches for row in batch.to_pylist()]


def test_keeps_the_rows_of_one_value_of_every_part(landing: Path) -> None:
    write(landing, {"carrier": ["UA", "AA"], "late": [True, True], "flight": [5, 6]}, "b")
    source = american(landing)
    assert flights(source.read(KEY)) == [1, 4, 6]
    assert [flights(source.read_part(KEY, part)) for part in source.parts(KEY)] == [[1, 4], [6]]
    assert isinstance(source, PartedSource)
    assert worth_sharing(source)
    assert not worth_sharing(american(landing, source=weeks(landing, "{key}/a.parquet")))


@pytest.mark.parametrize(("column", "value", "kept"), [("late", True, [1, 3]), ("flight", 3, [3])])
def test_also_of_numbers_and_bools(landing: Path, column: str, value: Any, kept: list[int]) -> None:
    assert flights(american(landing, column=column, value=value).read(KEY)) == kept


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        *(({"value": value}, "value") for value in (None, 3, True, 1.5, b"AA")),
        ({"column": "late", "value": 1}, "value"),
        ({"column": "flight", "value": "1"}, "value"),
        ({"column": "nobody"}, "column"),
        ({"name": "weeks"}, "name"),
        ({"name": "../AA"}, "source name"),
    ],
)
def test_what_no_row_could_have_is_refused(landing: Path, changes: dict[str, Any], field: str) -> None:
    with pytest.raises(BadInput) as refused:
        american(landing, **changes)
    assert refused.value.field == field


def test_a_column_that_came_with_a_slice_is_refused(landing: Path) -> None:
    times = {"carrier": Since(KEY, default="none")}
    with pytest.raises(BadInput, match="a column that every slice of weeks has: late, flight"):
        american(landing, source=replace(weeks(landing), column_times=times))


@pytest.mark.parametrize(
    ("rows", "schema", "message"),
    [
        ({"flight": [1]}, None, "columns: flight"),
        ({"carrier": [1], "flight": [1]}, None, "it is int64"),
    ],
)
def test_a_slice_that_cannot_be_shared_out_is_no_slice(
    landing: Path, rows: dict[str, Any], schema: pa.Schema | None, message: str
) -> None:
    write(landing, rows, schema=schema)
    with pytest.raises(SliceUnreadable, match=message):
        list(american(landing).read(KEY))


def test_text_in_a_dictionary_is_text(landing: Path) -> None:
    coded = pa.array(["UA", "AA"]).dictionary_encode()
    pq.write_table(pa.table({"carrier": coded, "flight": [1, 2]}), landing / KEY / "a.parquet")
    assert flights(american(landing).read(KEY)) == [2]


def test_other_rows_change_the_fingerprint_and_not_the_revision(landing: Path, tmp_path: Path) -> None:
    (tmp_path / "store").mkdir()
    store, source = LocalStore(tmp_path / "store"), american(landing)
    before, first = source.fingerprint(KEY), pull(store, source, KEY)
    write(landing, {**ROWS, "flight": [1, 99, 3, 4]})
    assert source.fingerprint(KEY) != before
    assert pull(store, source, KEY).revision == first.revision
    write(landing, {**ROWS, "flight": [77, 99, 3, 4]})
    assert pull(store, source, KEY).revision != first.revision
    assert [row["flight"] for row in read_slice(store, first).to_pylist()] == [1, 4]


def test_a_slice_without_such_a_row_is_empty(landing: Path, tmp_path: Path) -> None:
    (tmp_path / "store").mkdir()
    with pytest.raises(SliceEmpty):
        pull(LocalStore(tmp_path / "store"), american(landing, value="ZZ"), KEY)


def test_a_receipt_is_not_found_once_the_source_within_reads_otherwise(landing: Path) -> None:
    class Fixed(Files):
        def read_part(self, key: str, part: str) -> Iterator[pa.RecordBatch]:
            return super().read_part(key, part)

        def __repr__(self) -> str:
            return Files.__repr__(self)

    inner = weeks(landing)
    fixed = Fixed(name=inner.name, schema=SCHEMA, template=inner.template, url=inner.url)
    names = {receipt_name(american(landing, source=one), KEY, "a", "1") for one in (inner, fixed)}
    assert len(names) == 2


def test_it_keeps_the_contract_of_a_source(landing: Path) -> None:
    broken = [one for one in check_source(american(landing)) if not one.passed]
    assert not broken
