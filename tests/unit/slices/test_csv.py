"""What CSV may hold, and what is refused: by line, column and value."""

from __future__ import annotations

import gzip
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

import pyarrow as pa
import pytest
from landed import GOOD, Landed, csv

from ckpt_ops.errors import BadInput, SliceUnreadable
from ckpt_ops.slices.formats import Csv

WORDS = pa.schema([("n", pa.int64()), ("word", pa.string())])


def test_the_wrong_delimiter_and_which_it_seems_to_be(tmp_path: Path) -> None:
    data = csv(GOOD).replace(b",", b";").replace(b'"', b"")
    Landed(tmp_path, ".csv", data).refused("one column, and ';' makes it 6", "format=Csv(delimiter=';')")
    right = Landed(tmp_path / "right", ".csv", data, format=Csv(delimiter=";"))
    assert right.table().equals(GOOD)


def test_mixed_encodings_name_the_byte_the_line_and_a_way_out(tmp_path: Path) -> None:
    data = b"n,word\n1,caf\xc3\xa9\n2,caf\xe9\n"
    Landed(tmp_path, ".csv", data).refused("byte 0xe9 at 20, in line 3", "is not utf-8")
    far = b"n,word\n" + b"1,caf\xc3\xa9\n" * 300_000 + b"2,\xe9\n"
    Landed(tmp_path, ".csv", far).refused("byte 0xe9 at 2,400,009, in line 300,002")
    Landed(tmp_path, ".csv", b"n,word\n1,caf\xc3").refused("byte 0xc3 at 12, in line 2")


@pytest.mark.parametrize(
    ("encoding", "data"),
    [
        ("cp1252", b"n,word\n2,caf\xe9\n"),
        ("utf-16", "n,word\n2,café\n".encode("utf-16")),
        ("utf-8", b"\xef\xbb\xbfn,word\n2,caf\xc3\xa9\n"),
    ],
    ids=["cp1252", "utf-16", "utf-8 with a byte order mark"],
)
def test_another_encoding_is_a_setting(tmp_path: Path, encoding: str, data: bytes) -> None:
    assert Landed(tmp_path, ".csv", data, format=Csv(encoding=encoding)).rows() == [{"n": 2, "word": "café"}]


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b"n,word\n1,a\nmany,b\n", "has no int64 in line 3, column n: invalid value 'many'"),
        (b"n,word\r\n1,a\r\n\r\nmany,b\r\n", "has no int64 in line 4, column n"),
        (b"n,word\n" + b"1,a\n" * 400_000 + b"9.5,b\n", "has no int64 in line 400,002, column n"),
        (b"n,flag\n1,yes\n", "has no bool in line 2, column flag: invalid value 'yes'"),
        (b"n,at\n1,soon\n", "has no timestamp[us, tz=UTC] in line 2, column at"),
        (b"n,at\n1,2013-01-06T00:00:00\n", "expected a zone offset"),
        (b"n,word\n1,a\n2\n", "is not CSV of 2 columns in line 3: Expected 2 columns, got 1: 2"),
        (b"n,word\n1,a\n2,b,c\n", "is not CSV of 2 columns in line 3: Expected 2 columns, got 3: 2,b,c"),
    ],
)
def test_a_cell_or_a_line_that_does_not_fit_is_named(tmp_path: Path, data: bytes, said: str) -> None:
    Landed(tmp_path, ".csv", data).refused(said)


def test_a_value_of_megabytes_is_not_repeated_in_the_message(tmp_path: Path) -> None:
    landed = Landed(tmp_path, ".csv", b"n,word\n" + b"9" * 3_000_000 + b",a\n")
    with pytest.raises(
        SliceUnreadable, match="no int64 in a line from 2 on, column n: invalid value '999"
    ) as caught:
        list(landed.source.read("2013-01-06"))
    assert len(str(caught.value)) < 1_000


@pytest.mark.parametrize(
    ("rows", "said"),
    [
        (
            b'1,"a\n2,b\n3,c\n',
            "has 3 lines from line 2 on, but 1 rows: a value with a line end, from line 2 on, or a quote",
        ),
        (b'1,"a\nb"\n', "give the source format=Csv(newlines_in_values=True)"),
        (b'1,a\n2,"b\n' + b"3,c\n" * 400_000, "a quote that is not closed"),
        (b'1,a\n\n2,"b\n', "a value with a line end, from line 4 on"),
    ],
    ids=["a quote that is not closed", "a line end in a value", "over many blocks", "in the last line"],
)
def test_a_quote_that_is_not_closed_swallows_no_rows(tmp_path: Path, rows: bytes, said: str) -> None:
    Landed(tmp_path, ".csv", b"n,word\n" + rows).refused(said)


def test_a_quote_that_is_not_closed_in_a_column_of_categories(tmp_path: Path) -> None:
    schema = pa.schema([("n", pa.int64()), ("word", pa.dictionary(pa.int32(), pa.string()))])
    landed = Landed(tmp_path, ".csv", b'n,word\n1,"a\n2,b\n', schema=schema)
    with pytest.raises(SliceUnreadable, match="a quote that is not closed"):
        landed.rows()


def test_values_with_line_ends_are_a_setting_and_a_quote_must_still_close(tmp_path: Path) -> None:
    form = Csv(newlines_in_values=True)
    meant = Landed(tmp_path, ".csv", b'n,word\n1,"a\nb"\n' * 1 + b'2,"c\n""\n"\n' * 200_000, format=form)
    assert meant.rows()[:2] == [{"n": 1, "word": "a\nb"}, {"n": 2, "word": 'c\n"\n'}]
    assert meant.table().num_rows == 200_001
    Landed(tmp_path, ".csv", b'n,word\n1,"a\nb"\nmany,c\n', format=form).refused("in line 4, column n")
    Landed(tmp_path, ".csv", b'n,word\n1,"a\n2,b\n3,c\n', format=form).refused("an odd number of quotes")
    Landed(tmp_path, ".csv", b'n,word\n1,"a\n' + b"2,b\n" * 1_500_000, format=form).refused(
        "has a row of more than 4,194,304 bytes from line 2 on"
    )


def test_what_stands_for_no_value(tmp_path: Path) -> None:
    data = b'n,word\n1,""\n2,\n3,"NA"\nNA,NA\n'
    message = [row["word"] for row in Landed(tmp_path, ".csv", data).rows()]
    assert message == ["", None, "NA", None]
    all_quoted = b'"n","word"\n"","NA"\n'
    Landed(tmp_path, ".csv", all_quoted).refused(
        "no int64 in line 2, column n: invalid value ''; if values in quotes may be null"
    )
    landed = Landed(tmp_path, ".csv", all_quoted, format=Csv(quoted_nulls=True))
    assert landed.rows() == [{"n": None, "word": None}]
    landed = Landed(tmp_path, ".csv", b"n,word\n-,NA\n", format=Csv(null_values=("-",)))
    assert landed.rows() == [{"n": None, "word": "NA"}]


def test_a_blank_line_is_no_row_but_a_null_of_the_only_column(tmp_path: Path) -> None:
    assert len(Landed(tmp_path, ".csv", b"n,word\n1,a\n\n2,b\n\n").rows()) == 2
    assert Landed(tmp_path, ".csv", b"n\n1\n\n2\n").rows() == [{"n": 1}, {"n": None}, {"n": 2}]


def test_headers_that_are_none(tmp_path: Path) -> None:
    Landed(tmp_path, ".csv", b"\n1,2\n").refused("has an empty first line")
    Landed(tmp_path, ".csv", b"n,n,word\n1,2,a\n").refused("several columns of the same name: n")
    Landed(tmp_path, ".csv", b"temp,wind\n1,2\n").refused("is a different table", "temp, wind")
    Landed(tmp_path, ".csv", b"n,word\r1,a\r2,b\r").refused(r"has lines that end in \r alone")
    Landed(tmp_path, ".csv", gzip.compress(csv(GOOD))).refused("is gzip: end the template in .gz")
    Landed(tmp_path, ".csv.gz", gzip.compress(b"")).refused("is empty: 0 bytes of text")


def test_without_a_header_the_columns_are_the_declared_ones(tmp_path: Path) -> None:
    form = Csv(header=False)
    landed = Landed(tmp_path, ".csv", b"1,a\n2,b\n", schema=WORDS, format=form)
    assert landed.rows() == [{"n": 1, "word": "a"}, {"n": 2, "word": "b"}]
    landed = Landed(tmp_path, ".csv", b"1,a,x\n", schema=WORDS, format=form)
    with pytest.raises(SliceUnreadable, match="is not CSV of 2 columns in line 1: Expected 2 columns, got 3"):
        landed.rows()


def test_what_is_not_declared_comes_as_text_and_what_is_absent_stays_absent(tmp_path: Path) -> None:
    landed = Landed(tmp_path, ".csv", b"word,more\na,1\n")
    assert landed.rows() == [{"word": "a", "more": "1"}]


def test_types_that_a_schema_may_declare(tmp_path: Path) -> None:
    schema = pa.schema([("d", pa.decimal128(10, 2)), ("t", pa.time32("s")), ("at", pa.timestamp("us"))])
    form = Csv(timestamp_formats=("%d.%m.%Y",))
    landed = Landed(tmp_path, ".csv", b"d,t,at\n1.50,12:30:00,06.01.2013\n", schema=schema, format=form)
    (row,) = landed.rows()
    assert (row["d"], row["at"]) == (Decimal("1.50"), datetime(2013, 1, 6))
    lists = Landed(tmp_path, ".csv", b"l\n1\n", schema=pa.schema([("l", pa.list_(pa.int64()))]))
    with pytest.raises(BadInput, match=r"schema=.*types that a CSV cell can have"):
        lists.rows()


def test_settings_are_refused_by_name() -> None:
    for bad in (
        {"delimiter": ", "},
        {"delimiter": '"'},
        {"quote": ""},
        {"quote": "é"},
        {"encoding": "klingon"},
    ):
        with pytest.raises(BadInput, match=f"Csv.{next(iter(bad))}"):
            Csv(**bad)  # type: ignore[arg-type]


def test_a_time_with_a_zone_is_kept_to_the_microsecond(tmp_path: Path) -> None:
    (row,) = Landed(tmp_path, ".csv", b"n,at\n1,2013-01-06T01:00:00.000001+01:00\n").rows()
    assert row["at"] == datetime(2013, 1, 6, 0, 0, 0, 1, tzinfo=UTC)
