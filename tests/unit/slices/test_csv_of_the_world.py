"""CSV as the world writes it: a setting for each, never a silent text, null or other number."""

from __future__ import annotations

from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from landed import Landed

from ckpt_ops.errors import BadInput, SliceUnreadable
from ckpt_ops.slices import Files
from ckpt_ops.slices.formats import Csv


def read(tmp_path: Path, data: str, kind: pa.DataType, **settings: Any) -> list[Any]:
    form = Csv(delimiter=";", **settings)
    schema = pa.schema([("n", pa.int64()), ("x", kind)])
    text = "n;x\n" + "".join(f"{n};{cell}\n" for n, cell in enumerate(data.split("|")))
    (tmp_path / "2013-01-06.csv").write_text(text)
    source = Files(name="made", url=tmp_path.as_uri(), template="{key}.csv", schema=schema, format=form)
    return pa.Table.from_batches(source.read("2013-01-06"))["x"].to_pylist()


POINTS = {"thousands": ".", "decimal": ","}
MINUTES = ("%d.%m.%Y %H:%M",)
AT = datetime(2025, 12, 31, 9, 30, tzinfo=UTC)


@pytest.mark.parametrize(
    ("data", "kind", "settings", "values"),
    [
        ("1,5|-0,25|", pa.float64(), {"decimal": ","}, [1.5, -0.25, None]),
        ("1,5|2", pa.decimal128(9, 2), {"decimal": ","}, [Decimal("1.50"), Decimal("2.00")]),
        ("1.234,5|-1.234.567,25", pa.float64(), {"decimal": ",", "thousands": "."}, [1234.5, -1234567.25]),
        ("1,234.5|1e3", pa.float64(), {"thousands": ","}, [1234.5, 1000.0]),
        ("1 234|5|+7", pa.int64(), {"thousands": " "}, [1234, 5, 7]),
        ("1'234.50", pa.decimal128(9, 2), {"thousands": "'"}, [Decimal("1234.50")]),
        ("31.12.2025|2025-12-31", pa.date32(), {"date_formats": ("%d.%m.%Y",)}, [date(2025, 12, 31)] * 2),
        ("31.12.2025|", pa.date32(), {"date_formats": ("%d.%m.%Y",)}, [date(2025, 12, 31), None]),
        (
            "31.12.2025 10:30|2025-12-31 10:30:00|2025-12-31T09:30:00Z|",
            pa.timestamp("us", tz="UTC"),
            {"timestamp_formats": ("%d.%m.%Y %H:%M",), "zone": "Europe/Berlin"},
            [AT, AT, AT, None],
        ),
        (
            "31.12.2025 10:30 +0100",
            pa.timestamp("us", tz="UTC"),
            {"timestamp_formats": ("%d.%m.%Y %H:%M %z",), "zone": "Europe/Berlin"},
            [AT],
        ),
        (
            "1.3.2025 7:05|2025-03-01T07:05:00",
            pa.timestamp("us"),
            {"timestamp_formats": ("%d.%m.%Y %H:%M",)},
            [datetime(2025, 3, 1, 7, 5)] * 2,
        ),
        ("NA|DE|", pa.string(), {"null_values_of": (("x", ("",)),)}, ["NA", "DE", None]),
        ("-1|7", pa.int64(), {"null_values_of": (("x", ("-1",)),)}, [None, 7]),
        ("0|10|-5|", pa.int64(), {"leading_zeros": False}, [0, 10, -5, None]),
        ("007", pa.int64(), {}, [7]),
    ],
)  # fmt: skip
def test_each_has_a_setting(
    tmp_path: Path, data: str, kind: pa.DataType, settings: dict[str, Any], values: list[Any]
) -> None:
    assert read(tmp_path, data, kind, **settings) == values


@pytest.mark.parametrize(
    ("data", "kind", "settings", "said"),
    [
        ("1|1.5", pa.float64(), POINTS, "no double in line 3, column x: invalid value '1.5'"),
        ("1.5", pa.float64(), {"decimal": ","}, "no double"),
        ("1234.56.78", pa.int64(), POINTS, "no int64 in line 2, column x: invalid value '1234.56.78'"),
        ("1.234", pa.int8(), POINTS, "no int8 in line 2, column x: invalid value '1.234'"),
        ("31.02.2025", pa.date32(), {"date_formats": ("%d.%m.%Y",)}, "no date32"),
        ("31.02.2025 10:00", pa.timestamp("us"), {"timestamp_formats": MINUTES}, "no timestamp[us]"),
        ("31.12.2025x", pa.date32(), {"date_formats": ("%d.%m.%Y",)}, "no date32"),
        ("1|2|0123", pa.int64(), {"leading_zeros": False}, "no int64 in line 4, column x: invalid value '01"),
        ("2025-03-30 02:30:00", pa.timestamp("us", tz="UTC"), {"zone": "Europe/Berlin"}, "no timestamp"),
        ("2025-10-26 02:30:00", pa.timestamp("us", tz="UTC"), {"zone": "Europe/Berlin"}, "no timestamp"),
        ("2025-10-26 05:30:00", pa.timestamp("us", tz="UTC"), {}, "expected a zone offset"),
    ],
)  # fmt: skip
def test_what_is_no_value_is_refused_by_line_column_and_value(
    tmp_path: Path, data: str, kind: pa.DataType, settings: dict[str, Any], said: str
) -> None:
    with pytest.raises(SliceUnreadable) as caught:
        read(tmp_path, data, kind, **settings)
    assert said in str(caught.value)


@pytest.mark.parametrize("header", ["n,word", "n,word,"])
def test_a_delimiter_at_the_end_of_each_row(tmp_path: Path, header: str) -> None:
    data = f"{header}\n1,a,\n2,,\n".encode()
    landed = Landed(tmp_path, ".csv", data, format=Csv(trailing_delimiter=True))
    assert landed.rows() == [{"n": 1, "word": "a"}, {"n": 2, "word": None}]


def test_something_behind_it_is_refused_and_without_the_setting_it_is_offered(tmp_path: Path) -> None:
    form = Csv(trailing_delimiter=True)
    landed = Landed(tmp_path / "behind", ".csv", b"n,word,\n1,a,\n2,b,c\n", format=form)
    with pytest.raises(SliceUnreadable, match="something behind the last delimiter in line 3: 'c'"):
        landed.rows()
    Landed(tmp_path, ".csv", b"n,word\n1,a,\n").refused("format=Csv(trailing_delimiter=True)")


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"decimal": ";"}, "Csv.decimal"),
        ({"thousands": "."}, "Csv.thousands"),
        ({"thousands": "0"}, "Csv.thousands"),
        ({"zone": "Berlin"}, "Csv.zone"),
        ({"date_formats": "%d.%m.%Y"}, "Csv.date_formats"),
        ({"null_values_of": (("x", ""),)}, "Csv.null_values_of"),
    ],
)
def test_a_setting_that_cannot_be_is_refused_by_name(settings: dict[str, Any], said: str) -> None:
    with pytest.raises(BadInput, match=said):
        Csv(**settings)


def test_nulls_of_a_column_that_is_not_there_are_refused(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match=r"null_values_of='contry' is not allowed: expected a column: n, x"):
        read(tmp_path, "DE", pa.string(), null_values_of=(("contry", ("",)),))


def test_a_reader_without_the_newer_settings_is_called_what_it_always_was() -> None:
    said = (
        "delimiter=';', quote='\"', encoding='utf-8', header=True, null_values=('', 'NA', 'NULL', 'null'), "
        "quoted_nulls=False, timestamp_formats=(), newlines_in_values=False"
    )
    assert repr(Csv(delimiter=";")) == f"Csv({said})"
    assert repr(Csv(delimiter=";", decimal=",")) == f"Csv({said}, decimal=',')"
    assert eval(repr(Csv(zone="UTC", leading_zeros=False))) == Csv(zone="UTC", leading_zeros=False)
