"""What a source of files says of those that are there, missing, spoiled or of another table."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from ckpt_ops.errors import BadInput, BucketNotFound, SliceMissing, SliceUnreadable
from ckpt_ops.slices import LANDING, Files, PartedSource, SliceSource
from ckpt_ops.slices.formats import raw
from ckpt_ops.store import LocalStore

SCHEMA = pa.schema([("carrier", pa.string()), ("distance", pa.int64())])
TABLE = pa.table({"carrier": ["UA", "AA", None], "distance": [1400, 1089, 17]}, schema=SCHEMA)
KEY = "2013-01-06"


def parquet(table: pa.Table, **options: object) -> bytes:
    sink = pa.BufferOutputStream()
    pq.write_table(table, sink, **options)
    return sink.getvalue().to_pybytes()


@pytest.fixture
def landing(tmp_path: Path) -> LocalStore:
    return LocalStore(tmp_path)


@pytest.fixture
def source(landing: LocalStore) -> Files:
    return Files(name="flights", url=landing.url, template="flights/{key}.parquet", schema=SCHEMA)


def read(source: Files) -> pa.Table:
    return pa.Table.from_batches(list(source.read(KEY)))


def land(landing: LocalStore, data: bytes) -> None:
    landing.put(f"flights/{KEY}.parquet", data)


def refused(source: Files, *said: str) -> None:
    with pytest.raises(SliceUnreadable) as caught:
        list(source.read(KEY))
    assert source.url is not None
    for message in (f"{source.url}/flights/{KEY}.parquet", "the log and the champion are untouched", *said):
        assert message in str(caught.value)


def test_it_is_a_source_and_reads_what_was_written(landing: LocalStore, source: Files) -> None:
    land(landing, parquet(TABLE, row_group_size=2))
    assert isinstance(source, SliceSource)
    assert isinstance(source, PartedSource)
    assert read(source).equals(TABLE)


@pytest.mark.parametrize("key", ["2013-13-45", "2013-1-6", "20130106", "week-1", "2013-01-06T00"])
def test_a_key_that_is_no_time_is_refused_and_not_waited_for(source: Files, key: str) -> None:
    for ask in (source.fingerprint, source.read):
        with pytest.raises(BadInput, match="a time as %Y-%m-%d, such as '2013-01-06'"):
            ask(key)


def test_a_weekly_source_has_no_slice_on_another_day(landing: LocalStore, source: Files) -> None:
    mondays = replace(source, weekday=0)
    for key in ("2013-01-06", "2013-01-07"):
        landing.put(f"flights/{key}.parquet", parquet(TABLE))
    with pytest.raises(BadInput, match=r"slice key='2013-01-06'.*a Monday as %Y-%m-%d, such as '2013-01-07'"):
        mondays.fingerprint("2013-01-06")
    assert mondays.keys(datetime(2013, 1, 1, tzinfo=UTC), datetime(2013, 2, 1, tzinfo=UTC)) == ["2013-01-07"]
    with pytest.raises(SliceMissing):
        mondays.fingerprint("2013-01-14")
    with pytest.raises(BadInput, match="weekday=7"):
        replace(source, weekday=7)


def test_a_large_object_is_read_by_ranges(
    landing: LocalStore, source: Files, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(raw, "ONE_REQUEST", 0)
    monkeypatch.setattr(raw, "READ_AHEAD", 64)
    monkeypatch.setattr(LocalStore, "get", lambda self, name: pytest.fail("the whole object was asked for"))
    land(landing, parquet(TABLE, row_group_size=1))
    assert read(source).equals(TABLE)


def test_keys_are_those_that_landed_in_the_interval(landing: LocalStore, source: Files) -> None:
    for name in ("2012-12-30", "2013-01-06", "2013-01-13", "2013-1-06", "notes", "2013-01-06/old"):
        landing.put(f"flights/{name}.parquet", b"any")
    landing.put("flights/2013-01-06.csv", b"any")
    assert source.keys(datetime(2013, 1, 6), datetime(2013, 1, 13)) == ["2013-01-06"]
    assert source.keys(datetime(2013, 1, 6, tzinfo=UTC), datetime(2013, 1, 6, tzinfo=UTC)) == ["2013-01-06"]
    assert source.keys(datetime(2012, 1, 1), datetime(2014, 1, 1)) == [
        "2012-12-30",
        "2013-01-06",
        "2013-01-13",
    ]
    assert source.keys(datetime(2014, 1, 1), datetime(2014, 2, 1)) == []
    with pytest.raises(BadInput, match="not before start"):
        source.keys(datetime(2014, 1, 1), datetime(2013, 1, 1))


def test_a_fingerprint_changes_with_the_object(landing: LocalStore, source: Files) -> None:
    with pytest.raises(SliceMissing, match=r"no object file:///.*2013-01-06\.parquet"):
        source.fingerprint(KEY)
    land(landing, b"one")
    first = source.fingerprint(KEY)
    assert source.fingerprint(KEY) == first
    land(landing, b"two")
    assert source.fingerprint(KEY) != first


def test_not_parquet_says_what_it_found(landing: LocalStore, source: Files) -> None:
    land(landing, b"year,month,day\n2013,1,6\n")
    refused(source, "is not Parquet", "b'year,month,day\\n2'")


def test_cut_off_parquet(landing: LocalStore, source: Files) -> None:
    land(landing, parquet(TABLE)[:-20])
    refused(source, "is cut off")


def test_damage_behind_a_whole_footer(landing: LocalStore, source: Files) -> None:
    data = parquet(pa.table({"carrier": [f"{n * n}" for n in range(5000)]}), compression="zstd")
    land(landing, data[:4] + b"\0" * 9000 + data[9004:])
    refused(source, "is damaged inside")


def test_an_empty_object_and_a_table_without_rows(landing: LocalStore, source: Files) -> None:
    land(landing, b"")
    refused(source, "is empty: 0 bytes")
    land(landing, parquet(TABLE.slice(0, 0)))
    assert read(source).equals(TABLE.slice(0, 0)), "whether a slice may be empty is the pull's to say"


def test_another_table_altogether(landing: LocalStore, source: Files) -> None:
    land(landing, parquet(pa.table({"temp": [39.0], "wind": [10.4]})))
    refused(source, "temp, wind", "carrier, distance", "flights/{key}.parquet")


def test_missing_and_mistyped_columns_are_read_as_they_came(landing: LocalStore, source: Files) -> None:
    came = pa.table({"distance": ["far", "near"], "more": [1, 2]})
    land(landing, parquet(came))
    assert read(source).equals(came)


def test_where_it_reads_comes_from_the_environment(
    monkeypatch: pytest.MonkeyPatch, landing: LocalStore
) -> None:
    source = Files(name="flights", template="flights/{key}.parquet", schema=SCHEMA)
    monkeypatch.delenv(LANDING, raising=False)
    with pytest.raises(BadInput, match=f"set {LANDING}"):
        source.fingerprint(KEY)
    land(landing, parquet(TABLE))
    monkeypatch.setenv(LANDING, landing.url)
    assert read(source).equals(TABLE)


def test_a_slice_is_there_when_the_file_that_lands_last_is(landing: LocalStore, source: Files) -> None:
    several = replace(source, template="flights/{key}/*.parquet", complete_when="flights/{key}/_SUCCESS")
    landing.put(f"flights/{KEY}/one.parquet", parquet(TABLE))
    for ask in (several.fingerprint, several.parts, several.read):
        with pytest.raises(SliceMissing, match="_SUCCESS, which lands last"):
            ask(KEY)
    landing.put(f"flights/{KEY}/_SUCCESS", b"")
    assert list(several.parts(KEY)) == [f"flights/{KEY}/one.parquet"]
    with pytest.raises(BadInput, match="complete_when"):
        replace(source, complete_when="_SUCCESS")


def test_a_missing_bucket_is_the_stores_word(tmp_path: Path) -> None:
    url = (tmp_path / "gone").as_uri()
    source = Files(name="flights", url=url, template="flights/{key}.parquet", schema=SCHEMA)
    with pytest.raises(BucketNotFound):
        source.read(KEY)


@pytest.mark.parametrize(
    ("field", "value"), [("template", "flights.parquet"), ("key_format", "%Y/%m"), ("name", "a/b")]
)
def test_settings_are_refused_by_name(field: str, value: str) -> None:
    settings = {"name": "flights", "template": "flights/{key}.parquet", "schema": SCHEMA, field: value}
    with pytest.raises(BadInput, match=field):
        Files(**settings)  # type: ignore[arg-type]
