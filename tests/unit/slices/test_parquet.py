"""Parquet that is damaged is refused, wherever a bit has flipped that something can tell."""

from __future__ import annotations

import io
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from landed import GOOD, SCHEMA, Landed, flipped, parquet

from ckpt_ops.errors import SliceUnreadable
from ckpt_ops.slices.formats import raw
from ckpt_ops.store import LocalStore

FEW = GOOD.slice(0, 120)


def footer_of(data: bytes) -> int:
    return len(data) - 8 - int.from_bytes(data[-8:-4], "little")


@pytest.mark.parametrize("kept", [4, 200, 0.5, -1])
def test_truncated_parquet(tmp_path: Path, kept: float) -> None:
    data = parquet(GOOD)
    end = int(len(data) * kept) if isinstance(kept, float) else kept
    Landed(tmp_path, ".parquet", data[:end]).refused("is cut off or damaged", "without a whole footer")


@pytest.mark.parametrize(
    "options",
    [
        {"compression": "none", "use_dictionary": False},
        {"compression": "snappy"},
        {"compression": "zstd", "data_page_version": "2.0"},
    ],
    ids=["uncompressed", "snappy", "zstd, pages of version 2"],
)
def test_with_page_checksums_no_flipped_bit_changes_a_value_or_a_row(
    tmp_path: Path, options: dict[str, object]
) -> None:
    data = parquet(FEW, write_page_checksum=True, **options)
    landed, refused = Landed(tmp_path, ".parquet", data), 0
    for at in range(0, len(data), 3):
        landed.path.write_bytes(flipped(data, at))
        try:
            came = landed.table()
        except SliceUnreadable:
            refused += 1
            continue
        other_columns = came.schema != SCHEMA and at >= footer_of(data)
        assert came.num_rows == FEW.num_rows
        assert came.columns == FEW.columns or other_columns, f"byte {at}"
    assert refused > len(data) / 6
    landed.path.write_bytes(flipped(data, footer_of(data) // 2))
    landed.refused("is damaged inside")


def test_rows_that_are_lost_with_a_page_are_missed(tmp_path: Path) -> None:
    """Arrow takes a page of unknown type for no page: without the count, its rows would be gone unsaid."""
    data = parquet(FEW)
    landed, said = Landed(tmp_path, ".parquet", data), []
    for at in range(4, footer_of(data)):
        landed.path.write_bytes(flipped(data, at))
        try:
            assert landed.table().num_rows == FEW.num_rows
        except SliceUnreadable as error:
            said.append(error.what)
    assert any("says 120 rows, its row groups 120, and 0 were read" in message for message in said)


def test_a_large_row_group_is_not_held_whole(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(raw, "ONE_REQUEST", 2**20)
    asked: list[int] = []

    class Counting(LocalStore):
        def get_range(self, name: str, start: int, length: int) -> bytes:
            asked.append(length)
            return super().get_range(name, start, length)

    table = pa.table({name: range(3_000_000) for name in ("n", "m")})
    data = parquet(table, compression="none", use_dictionary=False, row_group_size=3_000_000)
    assert pq.read_metadata(pa.BufferReader(data)).num_row_groups == 1
    landed = Landed(tmp_path, ".parquet", data)
    monkeypatch.setattr("ckpt_ops.slices.sources.files.open_store", lambda url: Counting(tmp_path))
    assert sum(batch.num_rows for batch in landed.source.read("2013-01-06")) == 3_000_000
    assert max(asked) <= 8 * 2**20 < len(data) // 2
    assert sum(asked) < len(data) * 1.5, "nothing is fetched several times over"


def test_long_values_make_small_batches(tmp_path: Path) -> None:
    table = pa.table({"word": [f"{at}" * 20_000 for at in range(2_000)]})
    landed = Landed(tmp_path, ".parquet", parquet(table, use_dictionary=False, compression="snappy"))
    batches = list(landed.source.read("2013-01-06"))
    assert pa.Table.from_batches(batches).equals(table)
    assert max(batch.nbytes for batch in batches) < 128 * 2**20 < table.nbytes


def test_parquet_that_says_it_is_huge(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(raw, "ALWAYS_ALLOWED", 2**20)
    monkeypatch.setattr("ckpt_ops.slices.formats.parquet.ALWAYS_ALLOWED", 2**20)
    table = pa.table({"word": ["a" * 1000] * 500_000})
    data = parquet(table, compression="zstd", use_dictionary=False)
    assert len(data) * 200 < table.nbytes
    Landed(tmp_path, ".parquet", data).refused("a zip bomb")


@pytest.mark.parametrize("declared", [False, True])
def test_the_index_of_pandas_is_no_column_unless_it_is_declared(tmp_path: Path, declared: bool) -> None:
    frame = pd.DataFrame({"n": [1, 2, 3, 4]})
    sink = io.BytesIO()
    frame[frame.n != 3].to_parquet(sink)
    names = ["n", "__index_level_0__"] if declared else ["n"]
    schema = pa.schema([(name, pa.int64()) for name in names])
    landed = Landed(tmp_path, ".parquet", sink.getvalue(), schema=schema)
    assert landed.table().column_names == names


def test_a_named_index_of_pandas_and_a_column_of_that_name_alone_are_columns(tmp_path: Path) -> None:
    sink = io.BytesIO()
    pd.DataFrame({"n": [1]}, index=pd.Index([7], name="id")).to_parquet(sink)
    assert Landed(tmp_path / "named", ".parquet", sink.getvalue()).table().column_names == ["n", "id"]
    plain = parquet(pa.table({"n": [1], "__index_level_0__": [1]}))
    assert Landed(tmp_path, ".parquet", plain).table().num_columns == 2, "nobody says that it is an index"
