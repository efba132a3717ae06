"""A file that the template misses: another part of the slice refuses it, another table does not."""

from __future__ import annotations

import gzip
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from ckpt_ops.errors import SliceMissing, SliceUnreadable
from ckpt_ops.slices import Files, commit, pull, pull_part
from ckpt_ops.store import LocalStore

SCHEMA = pa.schema([("n", pa.int64())])
KEY = "2025-11-03"
DAY, NEXT_DAY = datetime(2025, 11, 3, tzinfo=UTC), datetime(2025, 11, 4, tzinfo=UTC)
UUID = "0b8a1a4e-8c4b-4a5e-9a52-6f3d2f1c7e55"


@pytest.fixture
def landing(tmp_path: Path) -> LocalStore:
    return LocalStore(tmp_path)


def made(landing: LocalStore, template: str, own: str) -> Files:
    """A source with one file of the key."""
    landing.put(own, gzip.compress(b"n\n1\n", mtime=0) if own.endswith(".gz") else b"n\n1\n")
    source = Files(name="made", schema=SCHEMA, url=landing.url, template=template)
    assert list(source.parts(KEY)) == [own]
    return source


PARTS = [
    ("{key}/orders-000000000000.csv", f"{KEY}/orders-000000000000.csv", f"{KEY}/orders-000000000001.csv"),
    ("{key}/orders.csv", f"{KEY}/orders.csv", f"{KEY}/orders-1.csv"),
    ("{key}.csv", f"{KEY}.csv", f"{KEY}_1.csv"),
    ("{key}.csv", f"{KEY}.csv", f"{KEY} (1).csv"),
    ("{key}.csv", f"{KEY}.csv", f"{KEY}-part2.csv"),
    ("{key}.csv", f"{KEY}.csv", f"{KEY}-{UUID}.csv"),
    ("{key}/*.csv", f"{KEY}/a.csv", f"{KEY}/b.csv.gz"),
    ("{key}/*.csv.gz", f"{KEY}/a.csv.gz", f"{KEY}/b.csv"),
    ("%Y/%m/%d/part-00000.csv", "2025/11/03/part-00000.csv", "2025/11/03/part-00001.csv"),
    ("%d.%m.%Y.csv", "03.11.2025.csv", "03.11.2025-2.csv"),
    ("eu/*/{key}.csv", f"eu/de/{KEY}.csv", f"eu/fr/{KEY}_1.csv"),
]
OTHERS = [
    ("{key}/orders.csv", f"{KEY}/orders.csv", f"{KEY}/customers.csv"),
    ("{key}/orders.csv", f"{KEY}/orders.csv", f"{KEY}/old/orders.csv"),
    ("{key}.csv", f"{KEY}.csv", f"{KEY}-weather.csv"),
    ("{key}.csv", f"{KEY}.csv", f"{KEY}.csv.gz"),
    ("{key}/*.csv.gz", f"{KEY}/a.csv.gz", f"{KEY}/a.csv"),
]
NONE = [
    ("{key}/orders-0.csv", f"{KEY}/orders-0.csv", f"{KEY}/_orders-1.csv"),
    ("{key}/orders-0.csv", f"{KEY}/orders-0.csv", f"{KEY}/.orders-1.csv.swp"),
    ("{key}/orders-0.csv", f"{KEY}/orders-0.csv", f"{KEY}/orders-1.csv.tmp"),
    ("{key}/orders-0.csv", f"{KEY}/orders-0.csv", f"{KEY}/orders-1.parquet.crc"),
    ("{key}/orders-0.csv", f"{KEY}/orders-0.csv", "2025-11-04/orders-1.csv"),
    ("{key}/orders-0.csv", f"{KEY}/orders-0.csv", f"{KEY}1/orders-1.csv"),
]


@pytest.mark.parametrize(("template", "own", "other"), PARTS)
def test_another_part_of_the_slice_refuses_it(
    landing: LocalStore, template: str, own: str, other: str, tmp_path_factory: pytest.TempPathFactory
) -> None:
    source = made(landing, template, own)
    store = LocalStore(tmp_path_factory.mktemp("store"))
    assert pull(store, source, KEY).rows == 1
    landing.put(other, b"n\n2\n")
    for ask in (source.parts, source.fingerprint, source.read, lambda key: pull(store, source, key)):
        with pytest.raises(SliceUnreadable) as caught:
            ask(KEY)
        assert (
            f"{template!r} misses, so their rows would be lost: {other} in {landing.url}" in caught.value.what
        )
    (missed,) = source.overlooked(DAY, NEXT_DAY)
    assert (missed.key, missed.name, missed.part) == (KEY, other, True)
    assert pull(store, replace(source, leave_out=(other,)), KEY).rows == 1, "a person says that it is none"
    assert (
        replace(source, leave_out=("*/*/*/*.csv", "*/*/*.csv", "*/*.csv*", "*.csv*")).overlooked(
            DAY, NEXT_DAY
        )
        == []
    )


@pytest.mark.parametrize(("template", "own", "other"), OTHERS)
def test_another_table_beside_a_slice_is_listed_and_refuses_nothing(
    landing: LocalStore, template: str, own: str, other: str
) -> None:
    source = made(landing, template, own)
    landing.put(other, b"n\n2\n")
    assert list(source.parts(KEY)) == [own]
    (missed,) = source.overlooked(DAY, NEXT_DAY)
    assert (missed.key, missed.name, missed.part) == (KEY, other, False)


@pytest.mark.parametrize(("template", "own", "other"), NONE)
def test_hidden_files_other_formats_and_other_slices_are_nothing(
    landing: LocalStore, template: str, own: str, other: str
) -> None:
    source = made(landing, template, own)
    landing.put(other, b"n\n2\n")
    assert list(source.parts(KEY)) == [own]
    assert source.overlooked(DAY, NEXT_DAY) == []


def test_days_beside_months_are_another_source(landing: LocalStore) -> None:
    landing.put("2025-11.csv", b"n\n1\n")
    landing.put("2025-11-03.csv", b"n\n1\n")
    months = Files(name="m", schema=SCHEMA, url=landing.url, template="{key}.csv", key_format="%Y-%m")
    days = Files(name="d", schema=SCHEMA, url=landing.url, template="{key}.csv")
    years = Files(name="y", schema=SCHEMA, url=landing.url, template="{key}.csv", key_format="%Y")
    landing.put("2025.csv", b"n\n1\n")
    assert list(years.parts("2025")) == ["2025.csv"]
    assert list(months.parts("2025-11")) == ["2025-11.csv"]
    assert list(days.parts(KEY)) == ["2025-11-03.csv"]


@pytest.mark.parametrize("other", ["2025-11_2.csv", "2025-11-2.csv", "2025-11_02.csv", "2025-11-part3.csv"])
def test_another_part_of_a_month_is_no_day(landing: LocalStore, other: str) -> None:
    months = Files(name="m", schema=SCHEMA, url=landing.url, template="{key}.csv", key_format="%Y-%m")
    for name in ("2025-11.csv", other):
        landing.put(name, b"n\n1\n")
    with pytest.raises(SliceUnreadable, match="their rows would be lost"):
        months.parts("2025-11")


def test_where_only_another_part_landed_it_is_named(landing: LocalStore) -> None:
    source = Files(name="made", schema=SCHEMA, url=landing.url, template="{key}/orders-0.csv")
    landing.put(f"{KEY}/orders-1.csv", b"n\n2\n")
    with pytest.raises(SliceMissing, match=rf"what is there does not fit: {KEY}/orders-1\.csv"):
        source.parts(KEY)


def test_only_slices_of_the_range_are_looked_at(landing: LocalStore) -> None:
    source = made(landing, "{key}/orders-0.csv", f"{KEY}/orders-0.csv")
    landing.put(f"{KEY}/orders-1.csv", b"n\n2\n")
    assert source.overlooked(DAY, DAY) == source.overlooked(DAY, NEXT_DAY)
    assert source.overlooked(NEXT_DAY, datetime(2026, 1, 1, tzinfo=UTC)) == []


# --- a part without a byte ----------------------------------------------------------------------


def parts(landing: LocalStore, ending: str, *contents: bytes) -> Files:
    for number, data in enumerate(contents):
        landing.put(f"{KEY}/{number}{ending}", data)
    return Files(name="made", schema=SCHEMA, url=landing.url, template="{key}/*" + ending)


@pytest.mark.parametrize(
    ("ending", "good", "blank"),
    [
        (".csv", b"n\n1\n2\n", b""),
        (".csv.gz", gzip.compress(b"n\n1\n2\n", mtime=0), b""),
        (".csv.gz", gzip.compress(b"n\n1\n2\n", mtime=0), gzip.compress(b"", mtime=0)),
        (".jsonl", b'{"n": 1}\n{"n": 2}\n', b""),
        (".jsonl.gz", gzip.compress(b'{"n": 1}\n{"n": 2}\n', mtime=0), gzip.compress(b"", mtime=0)),
    ],
)
def test_of_several_text_files_one_without_a_byte_has_no_rows(
    landing: LocalStore, tmp_path_factory: pytest.TempPathFactory, ending: str, good: bytes, blank: bytes
) -> None:
    source = parts(landing, ending, blank, good, blank)
    assert [n for batch in source.read(KEY) for n in batch["n"].to_pylist()] == [1, 2]
    assert pull(LocalStore(tmp_path_factory.mktemp("one")), source, KEY).rows == 2
    store = LocalStore(tmp_path_factory.mktemp("side-by-side"))
    assert [pull_part(store, source, KEY, part).rows for part in source.parts(KEY)] == [0, 2, 0]
    assert commit(store, source, KEY).rows == 2


def test_where_no_file_has_a_byte_the_slice_is_damaged(landing: LocalStore) -> None:
    for source in (parts(landing, ".csv", b""), parts(landing, ".csv", b"", b"")):
        with pytest.raises(SliceUnreadable, match="is empty: 0 bytes"):
            list(source.read(KEY))


def test_a_parquet_file_without_a_byte_is_damaged(landing: LocalStore) -> None:
    sink = pa.BufferOutputStream()
    pq.write_table(pa.table({"n": [1]}), sink)
    source = parts(landing, ".parquet", bytes(sink.getvalue()), b"")
    with pytest.raises(SliceUnreadable, match=r"1\.parquet is empty: 0 bytes"):
        list(source.read(KEY))
