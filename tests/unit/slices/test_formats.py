"""Every format gives the rows that went in; bytes that are not what they say are refused by name."""

from __future__ import annotations

import gzip
import json
import tracemalloc
from collections.abc import Callable
from datetime import UTC, date, datetime
from pathlib import Path
from tempfile import TemporaryDirectory

import pyarrow as pa
import pyarrow.csv as arrow_csv
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ckpt_ops.errors import BadInput, SliceUnreadable
from ckpt_ops.slices import Files
from ckpt_ops.slices.formats import Csv, raw
from ckpt_ops.slices.formats.lines import MAX_LINE
from ckpt_ops.store import LocalStore

SCHEMA = pa.schema(
    [
        ("n", pa.int64()),
        ("x", pa.float64()),
        ("word", pa.string()),
        ("flag", pa.bool_()),
        ("at", pa.timestamp("us", tz="UTC")),
        ("day", pa.date32()),
    ]
)
KEY, NEXT = "2013-01-06", "2013-01-13"


def parquet(table: pa.Table, **options: object) -> bytes:
    sink = pa.BufferOutputStream()
    pq.write_table(table, sink, **options)
    return bytes(sink.getvalue())


def csv(table: pa.Table) -> bytes:
    sink = pa.BufferOutputStream()
    shown = table.set_column(4, "at", table["at"].cast(pa.timestamp("us")).cast(pa.string()))
    zoned = pa.array([None if at is None else f"{at}Z" for at in shown["at"].to_pylist()], pa.string())
    arrow_csv.write_csv(shown.set_column(4, "at", zoned), sink)
    return bytes(sink.getvalue())


def jsonlines(table: pa.Table) -> bytes:
    def plain(value: object) -> object:
        if isinstance(value, datetime):
            return value.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
        return value.isoformat() if isinstance(value, date) else value

    rows = ({name: plain(value) for name, value in row.items()} for row in table.to_pylist())
    return b"".join(json.dumps(row).encode() + b"\n" for row in rows)


WRITERS: dict[str, Callable[[pa.Table], bytes]] = {".parquet": parquet, ".csv": csv, ".jsonl": jsonlines}
ENDINGS = [ending + zipped for ending in WRITERS for zipped in ("", ".gz")]


def written(ending: str, table: pa.Table) -> bytes:
    data = WRITERS[ending.removesuffix(".gz")](table)
    return gzip.compress(data) if ending.endswith(".gz") else data


ROW = st.fixed_dictionaries(
    {
        "n": st.none() | st.integers(-(2**53), 2**53),
        "x": st.none() | st.floats(allow_nan=False),
        "word": st.none() | st.text("aé,;\"' ", min_size=1, max_size=4),
        "flag": st.none() | st.booleans(),
        "at": st.none() | st.datetimes(datetime(1970, 1, 1), datetime(2999, 1, 1), timezones=st.just(UTC)),
        "day": st.none() | st.dates(date(1970, 1, 1), date(2999, 1, 1)),
    }
)


@settings(max_examples=60, deadline=None)
@given(st.sampled_from(ENDINGS), st.lists(st.lists(ROW, min_size=1, max_size=4), min_size=1, max_size=3))
def test_rows_in_rows_out_from_one_file_or_several(ending: str, rows: list[list[dict[str, object]]]) -> None:
    tables = [pa.Table.from_pylist(part, schema=SCHEMA) for part in rows]
    with TemporaryDirectory() as folder:
        landing = LocalStore(Path(folder))
        source = Files(name="made", url=landing.url, template="{key}/part *" + ending, schema=SCHEMA)
        for at, table in enumerate(tables):
            landing.put(f"{KEY}/part {at} ключ{ending}", written(ending, table))
        whole = pa.concat_tables(tables)
        assert pa.Table.from_batches(source.read(KEY)).equals(whole)
        parts = list(source.parts(KEY))
        assert [name.split("/")[1] for name in parts] == [
            f"part {at} ключ{ending}" for at in range(len(rows))
        ]
        by_part = [batch for part in parts for batch in source.read_part(KEY, part)]
        assert pa.Table.from_batches(by_part).equals(whole)


# --- bytes that are not what they say -------------------------------------------------------------

GOOD = pa.Table.from_pylist(
    [
        {"n": n, "x": n / 4, "word": f"w{n}", "flag": n % 2 == 0, "at": datetime(2013, 1, 6, tzinfo=UTC)}
        for n in range(2000)
    ],
    schema=SCHEMA,
)


class Landed:
    """A spoiled file for one key, and a good one for the next."""

    def __init__(self, folder: Path, ending: str, data: bytes, **options: object) -> None:
        folder.mkdir(exist_ok=True)
        self.store = LocalStore(folder)
        self.source = Files(
            name="made", url=self.store.url, template="made/{key}" + ending, schema=SCHEMA, **options
        )
        self.store.put(f"made/{KEY}{ending}", data)
        self.store.put(f"made/{NEXT}{ending}", written(ending, GOOD))

    def refused(self, *said: str) -> None:
        with pytest.raises(SliceUnreadable) as caught:
            list(self.source.read(KEY))
        for words in (f"{self.store.url}/made/{KEY}", "then clear the pull task", *said):
            assert words in str(caught.value)
        assert pa.Table.from_batches(self.source.read(NEXT)).equals(GOOD), "the next slice is unharmed"


def flipped(data: bytes, at: int) -> bytes:
    return data[:at] + bytes([data[at] ^ 0x10]) + data[at + 1 :]


@pytest.mark.parametrize("kept", [4, 200, 0.5, -1])
def test_truncated_parquet(tmp_path: Path, kept: float) -> None:
    data = parquet(GOOD)
    end = int(len(data) * kept) if isinstance(kept, float) else kept
    Landed(tmp_path, ".parquet", data[:end]).refused("is cut off or damaged", "without a whole footer")


def test_a_bit_flipped_in_any_page_with_a_checksum_is_found(tmp_path: Path) -> None:
    data = parquet(GOOD, write_page_checksum=True, compression="none", use_dictionary=False)
    footer = len(data) - 8 - int.from_bytes(data[-8:-4], "little")
    for at in range(100, footer - 100, (footer - 200) // 25):
        landed = Landed(tmp_path, ".parquet", flipped(data, at))
        with pytest.raises(SliceUnreadable, match="is damaged inside"):
            list(landed.source.read(KEY))
    landed.refused("its data pages are not")


def test_a_bit_flipped_in_a_compressed_page_or_in_the_footer_never_passes_for_another_table(
    tmp_path: Path,
) -> None:
    data = parquet(GOOD, compression="gzip")
    for at in range(60, len(data) - 4, 97):
        landed = Landed(tmp_path, ".parquet", flipped(data, at))
        try:
            came = pa.Table.from_batches(landed.source.read(KEY))
        except SliceUnreadable:
            continue
        same_values = came.num_rows == GOOD.num_rows and came.columns == GOOD.columns
        assert same_values or came.schema != GOOD.schema, f"byte {at} changed values without a word"


def test_the_wrong_delimiter_and_which_it_seems_to_be(tmp_path: Path) -> None:
    data = csv(GOOD).replace(b",", b";").replace(b'"', b"")
    Landed(tmp_path, ".csv", data).refused("6 columns by ';'", "format=Csv(delimiter=';')")
    right = Landed(tmp_path / "right", ".csv", data, format=Csv(delimiter=";"))
    assert pa.Table.from_batches(right.source.read(KEY)).equals(GOOD)


def test_mixed_encodings_name_the_byte_the_line_and_a_way_out(tmp_path: Path) -> None:
    data = b"n,word\n1,caf\xc3\xa9\n2,caf\xe9\n"
    Landed(tmp_path, ".csv", data).refused("byte 0xe9 at 20, in line 3", "is not utf-8")
    latin = Landed(tmp_path / "latin", ".csv", b"n,word\n2,caf\xe9\n", format=Csv(encoding="cp1252"))
    assert pa.Table.from_batches(latin.source.read(KEY)).to_pylist() == [{"n": 2, "word": "café"}]


def test_a_cell_that_is_not_of_its_type_is_named(tmp_path: Path) -> None:
    Landed(tmp_path, ".csv", b"n,word\n1,a\nmany,b\n").refused("in row 3 of column n no int64", "'many'")
    Landed(tmp_path, ".csv", b"n,word\n1,a\n2\n").refused(
        "is no CSV of 2 columns", "Expected 2 columns, got 1: 2"
    )


@pytest.mark.parametrize(
    ("line", "said"),
    [
        (b"[1, 2]", "in line 2 no object but [1, 2]"),
        (b'{"n": many}', "no JSON in line 2"),
        (b'{"n": "many"}', "does not fit the declared columns"),
        (b'{"n": {"deep": 1}}', "does not fit the declared columns"),
        (b'{"n": 1', "no JSON in line 2"),
    ],
)
def test_a_line_that_is_no_object_or_of_another_type(tmp_path: Path, line: bytes, said: str) -> None:
    Landed(tmp_path, ".jsonl", b'{"n": 1}\n' + line + b"\n").refused(said)


@pytest.mark.parametrize("ending", [".csv", ".jsonl"])
def test_ten_gigabytes_of_one_line_are_refused_after_a_few_megabytes(tmp_path: Path, ending: str) -> None:
    landed = Landed(tmp_path, ending, b"")
    with (tmp_path / f"made/{KEY}{ending}").open("wb") as file:
        file.write(b"n\n" if ending == ".csv" else b"")
        file.truncate(10 * 2**30)  # a sparse file: the bytes are there to be read, the disk is not filled
    tracemalloc.start()
    landed.refused(f"has a line of more than {MAX_LINE:,} bytes")
    assert tracemalloc.get_traced_memory()[1] < 100 * 2**20
    tracemalloc.stop()


def test_one_endless_line_in_a_small_gzip(tmp_path: Path) -> None:
    zipped = gzip.compress(b"n\n" + b"7" * 60_000_000)
    assert len(zipped) < 100_000
    Landed(tmp_path, ".csv.gz", zipped).refused("has a line of more than")


@pytest.mark.parametrize("ending", [".csv.gz", ".jsonl.gz", ".parquet.gz"])
def test_a_zip_bomb_of_several_members_stops_at_its_bound(
    tmp_path: Path, ending: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(raw, "ALWAYS_ALLOWED", 2**20)
    line = b'{"n": 1}\n' if "json" in ending else b"n\n"
    bomb = gzip.compress(line * 400_000) * 40
    Landed(tmp_path, ending, bomb).refused("unzips to more than", "a zip bomb, or max_expansion")


def test_parquet_that_says_it_is_huge(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(raw, "ALWAYS_ALLOWED", 2**20)
    monkeypatch.setattr("ckpt_ops.slices.formats.parquet.ALWAYS_ALLOWED", 2**20)
    table = pa.table({"word": ["a" * 1000] * 500_000})
    data = parquet(table, compression="zstd", use_dictionary=False)
    assert len(data) * 200 < table.nbytes
    Landed(tmp_path, ".parquet", data).refused("a zip bomb")


@pytest.mark.parametrize("ending", [".csv.gz", ".jsonl.gz", ".parquet.gz"])
def test_a_gzip_that_is_cut_off_damaged_or_none(tmp_path: Path, ending: str) -> None:
    data = written(ending, GOOD)
    Landed(tmp_path, ending, data[:-9]).refused("is cut off: its gzip ends in the middle")
    Landed(tmp_path, ending, data[:-6] + bytes([data[-6] ^ 1]) + data[-5:]).refused(
        "is no whole gzip: CRC check failed"
    )
    Landed(tmp_path, ending, b"n,word\n1,a\n").refused("is no whole gzip: Not a gzipped file")


def test_headers_that_are_none(tmp_path: Path) -> None:
    Landed(tmp_path, ".csv", b"").refused("is empty: 0 bytes")
    Landed(tmp_path, ".csv", b"\n1,2\n").refused("has an empty first line")
    Landed(tmp_path, ".csv", b"n,n,word\n1,2,a\n").refused("several columns of one name: n")
    Landed(tmp_path, ".csv", b"temp,wind\n1,2\n").refused("is another table", "temp, wind")


def test_a_header_alone_is_a_table_without_rows(tmp_path: Path) -> None:
    landed = Landed(tmp_path, ".csv", b"n,word\n")
    assert pa.Table.from_batches(landed.source.read(KEY)).num_rows == 0


def test_what_is_not_declared_and_what_is_absent(tmp_path: Path) -> None:
    landed = Landed(tmp_path, ".csv", b"word,more\na,1\n")
    assert pa.Table.from_batches(landed.source.read(KEY)).to_pylist() == [{"word": "a", "more": "1"}]
    landed = Landed(tmp_path, ".jsonl", b'{"word": "a", "more": 1}\n')
    (row,) = pa.Table.from_batches(landed.source.read(KEY)).to_pylist()
    assert row == dict.fromkeys(SCHEMA.names) | {"word": "a"}


def test_nan_infinities_and_the_future_come_through_as_they_are(tmp_path: Path) -> None:
    rows = b"x,at\nnan,2999-01-01T00:00:00Z\ninf,\n-inf,1970-01-01T00:00:00Z\n"
    came = pa.Table.from_batches(Landed(tmp_path, ".csv", rows).source.read(KEY))
    assert [str(x) for x in came["x"].to_pylist()] == ["nan", "inf", "-inf"]
    assert came["at"].to_pylist()[0] == datetime(2999, 1, 1, tzinfo=UTC)


def test_settings_are_refused_by_name() -> None:
    for bad in ({"delimiter": ", "}, {"quote": ""}, {"encoding": "klingon"}):
        with pytest.raises(BadInput, match=f"Csv.{next(iter(bad))}"):
            Csv(**bad)
    with pytest.raises(BadInput, match=r"a name that ends with \.parquet, \.csv"):
        Files(name="made", template="{key}.xlsx", schema=SCHEMA)
    for template in ("../{key}.csv", "a//{key}.csv", "/{key}.csv"):
        with pytest.raises(BadInput, match="template"):
            Files(name="made", template=template, schema=SCHEMA)
