"""How CSV is written is told from all of it, set where it is clear, and explained in notes."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from ckpt_ops.contract import check_source
from ckpt_ops.pipeline import load_intake
from ckpt_ops.runs.steps import run_slice
from ckpt_ops.scaffold import Asked, new_source
from ckpt_ops.scaffold.dialect import dialect_of
from ckpt_ops.slices import Files
from ckpt_ops.slices.formats import Csv
from ckpt_ops.store import LocalStore

DAYS = ["2013-01-06", "2013-01-07", "2013-01-08"]


def look(**columns: Sequence[str | None]) -> tuple[Csv, dict[str, pa.DataType], str]:
    found = dialect_of(
        Csv(), {name: pa.chunked_array([values], pa.string()) for name, values in columns.items()}
    )
    return found.form, {field.name: field.type for field in found.schema}, "; ".join(found.notes)


@pytest.mark.parametrize(
    ("values", "settings", "kind", "said"),
    [
        (["1,5", "20", None], {"decimal": ","}, pa.float64(), "numbers with a decimal comma: read as such"),
        (["1.234,50", "7,25"], {"decimal": ",", "thousands": "."}, pa.float64(), "decimal comma"),
        (["1,234.5", "1,234,567"], {"thousands": ","}, pa.float64(), "with ',' between thousands"),
        (["1'234", "12"], {"thousands": "'", "leading_zeros": False}, pa.int64(), "between thousands"),
        (["1,234", "5,678"], {}, pa.string(), "it stays text; give the source format=Csv(decimal=',')"),
        (["31.12.2025", "1.2.2025"], {"date_formats": ("%d.%m.%Y",)}, pa.date32(), "dates written %d.%m.%Y"),
        (["12/31/2025"], {"date_formats": ("%m/%d/%Y",)}, pa.date32(), "dates written %m/%d/%Y"),
        (["31/12/2025"], {"date_formats": ("%d/%m/%Y",)}, pa.date32(), "dates written %d/%m/%Y"),
        (["01/02/2025"], {}, pa.string(), "day and month cannot be told apart: it stays text"),
        (
            ["31.12.2025 10:30"],
            {"timestamp_formats": ("%d.%m.%Y %H:%M",)},
            pa.timestamp("us"),
            "read as such",
        ),
        (
            ["NA", "DE", "FR", "US"],
            {"null_values_of": (("x", ("",)),)},
            pa.string(),
            "NA among other two-letter codes",
        ),
        (["NA", "1.5"], {}, pa.float64(), "NA in 1 text column (x) stands for no value"),
        (["007", "8"], {}, pa.string(), ""),
        (["7", "8"], {"leading_zeros": False}, pa.int64(), ""),
        (["a,b", "1,5"], {}, pa.string(), ""),
    ],
)  # fmt: skip
def test_what_is_told_of_a_column(
    values: list[str | None], settings: dict[str, Any], kind: pa.DataType, said: str
) -> None:
    form, kinds, notes = look(x=values)
    assert (form, kinds["x"]) == (Csv(**settings), kind)
    assert said in notes


def test_columns_are_counted_in_words() -> None:
    *_, notes = look(**{f"c{at}": ["1,5"] for at in range(11)})
    eleven = "11 text columns (c0, c1, c2, c3, c4, c5 and 5 more)"
    assert notes == f"{eleven} look like numbers with a decimal comma: read as such"


def test_commas_beside_points_stay_text_and_are_said() -> None:
    form, kinds, notes = look(a=["1,5"], b=["1.5"])
    assert (form, kinds) == (Csv(), {"a": pa.string(), "b": pa.float64()})
    assert (
        "1 text column (a) looks like numbers with a decimal comma, but 1 text column (b) has decimal points"
        in notes
    )


COUNTRIES = ("NA", "DE", "FR", "US")
ROWS = [
    "id;amount;day;country;note;",
    *(f'{n};"1.{n:03},50";{n % 28 + 1:02}.01.2013;{COUNTRIES[n % 4]};"two\nlines {n}";' for n in range(80)),
]


def test_a_file_of_the_world_from_landing_to_accepted(tmp_path: Path) -> None:
    for folder in ("landing", "dags", "store"):
        (tmp_path / folder).mkdir()
    for key in DAYS:
        (tmp_path / "landing" / f"{key}.csv").write_text("\n".join(ROWS) + "\n")
    written = new_source(Asked(name="made_world", origin=str(tmp_path / "landing")), tmp_path / "dags")
    intake = load_intake("made_world", tmp_path / "dags")
    assert isinstance(intake.source, Files)
    assert intake.source.format == Csv(
        delimiter=";",
        decimal=",",
        thousands=".",
        date_formats=("%d.%m.%Y",),
        null_values_of=(("country", ("",)),),
        newlines_in_values=True,
        trailing_delimiter=True,
        leading_zeros=False,
    )
    assert [check for check in check_source(intake.source) if not check.passed] == []
    first = pa.Table.from_batches(intake.source.read(DAYS[0])).to_pylist()[4]
    assert first == {
        "id": 4,
        "amount": 1004.5,
        "day": date(2013, 1, 5),
        "country": "NA",
        "note": "two\nlines 4",
    }
    assert "decimal comma" in "; ".join(written.found.notes)
    sample = (tmp_path / "dags/made_world/sample" / f"{DAYS[0]}.csv").read_text()
    assert sample.count('"') % 2 == 0, "cut between rows"
    done = run_slice(intake, LocalStore(tmp_path / "store"), DAYS[0], report=lambda line: None)
    assert (done.decision, done.validated.rows) == ("accepted", 80)


def test_a_code_that_comes_later_is_a_bad_row_and_no_number(tmp_path: Path) -> None:
    for folder in ("landing", "dags", "store"):
        (tmp_path / folder).mkdir()
    rows = [f"{n},{10_000 + n}" for n in range(200)]
    for key in DAYS:
        (tmp_path / "landing" / f"{key}.csv").write_text("\n".join(["id,zip", *rows]) + "\n")
    new_source(Asked(name="made_codes", origin=str(tmp_path / "landing")), tmp_path / "dags")
    later = tmp_path / "landing" / "2013-01-09.csv"
    later.write_text("\n".join(["id,zip", *rows, "200,01067"]) + "\n")
    intake = load_intake("made_codes", tmp_path / "dags")
    done = run_slice(intake, LocalStore(tmp_path / "store"), "2013-01-09", report=lambda line: None)
    assert (done.decision, done.validated.rows) == ("accepted", 200), "1 of 201 rows may be bad"
