"""Rows of any width, and row groups of any size, come in and are read some at a time."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from ckpt_ops.errors import BadInput, SliceUnreadable
from ckpt_ops.slices import Files, SliceManifest, datafiles, pull, read_slice, reading, staged
from ckpt_ops.slices.formats import pages
from ckpt_ops.slices.formats.parquet import Parquet
from ckpt_ops.slices.row_sizes import row_bytes
from ckpt_ops.store import LocalStore

KEY = "2013-01-06"
SCHEMA = pa.schema([("n", pa.int64()), ("picture", pa.binary())])
MEBIBYTE = 2**20


def pictures(rows: int, size: int) -> pa.Table:
    random = np.random.default_rng(0)
    return pa.table({"n": range(rows), "picture": [random.bytes(size) for _ in range(rows)]}, schema=SCHEMA)


@pytest.fixture
def landing(tmp_path: Path) -> Path:
    for name in ("landing", "store"):
        (tmp_path / name).mkdir()
    return tmp_path / "landing" / f"{KEY}.parquet"


def source(landing: Path, **more: Any) -> Files:
    url = LocalStore(landing.parent).url
    return Files(name="pictures", schema=SCHEMA, template="{key}.parquet", url=url, **more)


def bounded(landing: Path) -> Files:
    return source(landing, format=Parquet(most_page_bytes=MEBIBYTE))


def store(landing: Path) -> LocalStore:
    return LocalStore(landing.parents[1] / "store")


def pulled(landing: Path) -> SliceManifest:
    return pull(store(landing), source(landing), KEY)


def groups(landing: Path, manifest: SliceManifest) -> list[int]:
    """The rows of each row group of its only file."""
    (file,) = manifest.files
    found = pq.read_metadata(pa.BufferReader(store(landing).get(file.name)))
    return [found.row_group(at).num_rows for at in range(found.num_row_groups)]


def test_a_row_group_is_as_short_as_its_rows_are_wide(landing: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(datafiles, "BYTES_PER_GROUP", MEBIBYTE)
    table = pictures(500, 10_000)
    pq.write_table(table, landing)
    manifest = pulled(landing)
    found = groups(landing, manifest)
    assert (sum(found), max(found)) == (500, 104), "104 rows of 10,000 bytes are within a mebibyte"
    assert read_slice(store(landing), manifest).equals(table)


def test_a_row_that_is_wider_than_a_row_group_has_one_for_itself(
    landing: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(datafiles, "BYTES_PER_GROUP", MEBIBYTE)
    table = pictures(3, 2 * MEBIBYTE)
    pq.write_table(table, landing)
    manifest = pulled(landing)
    assert groups(landing, manifest) == [1, 1, 1]
    assert read_slice(store(landing), manifest).equals(table)


def test_a_revision_is_the_same_however_its_rows_are_grouped(
    landing: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What an older version wrote in one row group has not changed at its source."""
    pq.write_table(pictures(300, 10_000), landing)
    together = pulled(landing)
    monkeypatch.setattr(datafiles, "BYTES_PER_GROUP", MEBIBYTE)
    for entry in list(store(landing).list("slices/")):
        store(landing).delete(entry.name)
    apart = pulled(landing)
    assert len(groups(landing, apart)) > 1
    assert apart.revision == together.revision


@pytest.mark.parametrize("columns", [None, ["picture"], ["picture", "n"]])
def test_a_large_row_group_of_an_older_version_is_read_some_rows_at_a_time(
    landing: Path, monkeypatch: pytest.MonkeyPatch, columns: list[str] | None
) -> None:
    table = pictures(300, 10_000)
    pq.write_table(table, landing)
    manifest = pulled(landing)
    monkeypatch.setattr(reading, "BYTES_PER_GROUP", MEBIBYTE)
    monkeypatch.setattr(reading, "_LARGE_GROUP", 2 * MEBIBYTE)
    with staged(store(landing), manifest) as rows:
        batches = list(rows.batches(columns))
    assert pa.Table.from_batches(batches).equals(table if columns is None else table.select(columns))
    assert max(batch.num_rows for batch in batches) <= 105


def test_a_large_data_file_is_copied_by_ranges_and_checked(
    landing: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reading, "_AT_ONCE", MEBIBYTE)
    table = pictures(300, 10_000)
    pq.write_table(table, landing)
    manifest = pulled(landing)
    asked: list[int] = []

    class Counting(LocalStore):
        def get_range(self, name: str, start: int, length: int) -> bytes:
            asked.append(length)
            return super().get_range(name, start, length)

    with staged(Counting(store(landing).root), manifest) as rows:
        assert pa.Table.from_batches(rows.batches()).equals(table)
    assert asked == [MEBIBYTE] * 3
    (file,) = manifest.files
    damaged = bytearray(store(landing).get(file.name))
    damaged[-1000] ^= 1
    store(landing).put(file.name, bytes(damaged))
    with pytest.raises(Exception, match="was written with hash"), staged(store(landing), manifest):
        pass


@pytest.mark.parametrize("version", ["1.0", "2.0"])
@pytest.mark.parametrize(
    "options", [{"use_dictionary": False}, {"use_dictionary": True, "dictionary_pagesize_limit": 2**28}]
)
def test_a_page_that_holds_a_whole_row_group_is_refused_with_the_setting_to_change(
    landing: Path, version: str, options: dict[str, object]
) -> None:
    pq.write_table(pictures(300, 10_000), landing, data_page_size=2**28, data_page_version=version, **options)
    with pytest.raises(SliceUnreadable) as refused:
        pull(store(landing), bounded(landing), KEY)
    said = str(refused.value)
    assert f"{landing} has a page of 3," in said
    assert "in column picture, in a row group of 300 rows" in said
    assert "row_group_size=1_000_000 (pyarrow, polars)" in said
    assert not list(store(landing).list("slices/")), "nothing is half-written"
    assert pull(store(landing), source(landing), KEY).rows == 300, "128 MiB are allowed"


def test_short_pages_in_a_large_row_group_are_read(landing: Path) -> None:
    pq.write_table(
        pictures(300, 10_000), landing, data_page_size=2**16, write_batch_size=8, use_dictionary=False
    )
    wider = source(landing, format=Parquet(most_page_bytes=2 * MEBIBYTE))
    assert pull(store(landing), wider, KEY).rows == 300


def test_the_format_reads_as_it_did_for_stored_receipts() -> None:
    assert repr(Parquet()) == "Parquet()"
    assert repr(Parquet(most_page_bytes=1)) == "Parquet(most_page_bytes=1)"
    with pytest.raises(BadInput, match="most_page_bytes=0"):
        Parquet(most_page_bytes=0)


@pytest.mark.parametrize("kind", [pa.string_view(), pa.binary_view(), pa.dictionary(pa.int32(), pa.string())])
def test_rows_that_share_their_values_memory_are_not_cut_by_the_whole_of_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: pa.DataType
) -> None:
    """A slice of such a column counts all values as its own: 2 MiB of them here, of which a row has 1 KB."""
    monkeypatch.setattr(datafiles, "BYTES_PER_GROUP", MEBIBYTE)
    words = pa.array([f"{n:01000}" for n in range(2_000)])
    values = words.dictionary_encode() if pa.types.is_dictionary(kind) else words.cast(kind)
    batch = pa.record_batch({"n": range(2_000), "word": values})
    assert batch.slice(0, 1).nbytes > MEBIBYTE
    _, (file,) = datafiles.stage([batch], tmp_path, prefix="slices/words/w1")
    found = pq.ParquetFile(tmp_path / "00000.parquet")
    rows = [found.metadata.row_group(at).num_rows for at in range(found.num_row_groups)]
    assert file.rows == sum(rows) == 2_000
    assert max(rows) * 1_000 <= MEBIBYTE or rows == [2_000]
    assert len(rows) == (1 if pa.types.is_dictionary(kind) else 2)
    assert found.read()["word"].cast(pa.string()).equals(pa.chunked_array([words]))


def test_dictionaries_of_further_batches_count_towards_a_row_group(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(datafiles, "BYTES_PER_GROUP", MEBIBYTE)
    words = [
        pa.array([f"{n:0600}" for n in range(at, at + 1000)]).dictionary_encode() for at in (0, 500, 900)
    ]
    batches = [pa.record_batch({"word": each}) for each in words]
    datafiles.stage(batches, tmp_path, prefix="slices/words/w1")
    found = pq.read_metadata(tmp_path / "00000.parquet")
    assert [found.row_group(at).num_rows for at in range(found.num_row_groups)] == [2000, 1000]


def test_the_bytes_of_rows_are_those_of_their_values_whatever_holds_them() -> None:
    words = pa.array(["x" * 100, None, "short", "y" * 50] * 50)
    lists = [
        pa.ListArray.from_arrays(range(201), each)
        for each in (words, words.cast(pa.string_view()), words.dictionary_encode())
    ]
    plain, views, coded = (row_bytes(pa.record_batch({"words": each}).slice(4, 4)) for each in lists)
    assert 155 <= plain <= views <= plain + 16 * 4
    assert coded <= 16 * 4, "no value of the dictionary"
    keyed = pa.MapArray.from_arrays(range(201), pa.array(["k"] * 200), words.cast(pa.string_view()))
    assert 155 <= row_bytes(pa.record_batch({"words": keyed}).slice(4, 4)) <= 155 + 4 * (16 + 8 + 8)
    within = pa.StructArray.from_arrays([words.cast(pa.string_view())], ["word"])
    assert row_bytes(pa.record_batch({"words": within}).slice(4, 4)) == 155 + 4 * (16 + 8)


def overwritten(landing: Path, at: int, data: bytes) -> None:
    whole = landing.read_bytes()
    landing.write_bytes(whole[:at] + data + whole[at + len(data) :])


@pytest.mark.parametrize("header", [b"\x15\x00\x18\x01a\x00", b"\x15\x00\x11\x00"])
def test_a_page_whose_size_is_no_number_is_left_to_the_reading(landing: Path, header: bytes) -> None:
    pq.write_table(pictures(300, 10_000), landing, use_dictionary=False)
    start = pq.read_metadata(landing).row_group(0).column(1).data_page_offset
    overwritten(landing, start, header)
    with pytest.raises(SliceUnreadable, match="is damaged inside"):
        pull(store(landing), bounded(landing), KEY)


def test_a_page_that_begins_outside_of_the_file_is_damage(landing: Path) -> None:
    pq.write_table(pictures(300, 10_000).select(["picture"]), landing, use_dictionary=False)
    data = landing.read_bytes()
    at = data.index(b"\x26\x08", len(data) - 8 - int.from_bytes(data[-8:-4], "little"))
    overwritten(landing, at + 1, b"\x07")  # -4 for 4
    with pytest.raises(SliceUnreadable) as refused:
        pull(store(landing), bounded(landing), KEY)
    assert f"{landing} is damaged" in str(refused.value)
    assert "a page of column picture begins at byte -4" in str(refused.value)


def test_a_header_that_is_too_long_hides_no_other_page(
    landing: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    table = pictures(300, 10_000)
    wide = table.append_column("label", pa.array([f"{n:04000}" for n in range(300)]))
    whole = {"use_dictionary": False, "data_page_size": 2**28}
    pq.write_table(wide.select(["label", "n", "picture"]), landing, write_statistics=["label"], **whole)
    monkeypatch.setattr(pages, "_HEADER", 40)
    with pytest.raises(SliceUnreadable, match=r"has a page of 3.* in column picture"):
        pull(store(landing), bounded(landing), KEY)


def test_a_footer_that_takes_too_much_memory_is_refused(
    landing: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pq.write_table(pictures(300, 10_000), landing, use_dictionary=False)
    monkeypatch.setattr(pages, "MOST_FOOTER_BYTES", 100)
    with pytest.raises(SliceUnreadable) as refused:
        pull(store(landing), bounded(landing), KEY)
    assert f"{landing} has a footer of " in str(refused.value)
    assert "bytes, and may have 100" in str(refused.value)
    assert "fewer row groups" in str(refused.value)
    assert pull(store(landing), source(landing), KEY).rows == 300, "it is not read where no page is too large"
