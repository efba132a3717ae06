"""A suite is checked at the door, in milliseconds and without Great Expectations."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from ckpt_ops.errors import BadInput
from ckpt_ops.validation import Severity, load_suite, parse_suite

FLIGHTS = Path(__file__).parents[3] / "dags" / "flight_delay" / "expectations.json"
NOT_NULL = {"type": "expect_column_values_to_not_be_null", "kwargs": {"column": "carrier"}}


def suite(**changes: Any) -> dict[str, Any]:
    return {"name": "s", "expectations": [{**NOT_NULL, **changes}]}


def test_every_line_of_the_flights_suite_says_why() -> None:
    loaded = load_suite(FLIGHTS)
    assert len(loaded.expectations) >= 15
    assert all(each.why for each in loaded.expectations)
    assert {each.severity for each in loaded.expectations} == {Severity.CRITICAL, Severity.WARNING}


def test_the_digest_changes_with_what_is_asked_not_with_why() -> None:
    plain = parse_suite(suite())
    assert parse_suite(suite(meta={"why": "keys"})).digest == plain.digest
    assert parse_suite(suite(severity="warning")).digest != plain.digest
    assert parse_suite(suite(kwargs={"column": "origin"})).digest != plain.digest


@pytest.mark.parametrize(
    ("payload", "said"),
    [
        (
            suite(type="expect_column_values_to_not_be_nul"),
            "did you mean expect_column_values_to_not_be_null",
        ),
        (
            suite(kwargs={"column": "a", "mostli": 0.9}),
            "'mostli' is not allowed: expected only column, .*mostly",
        ),
        (suite(kwargs={}), "column to be given"),
        (suite(kwargs={"column": "a", "result_format": "BASIC"}), "'result_format' is not allowed"),
        (suite(severity="bad"), "critical, warning, info"),
        (suite(kwarg={}), "'kwarg' is not allowed"),
        (suite(type="unexpected_rows_expectation"), "not only in SQL|expectation of the installed"),
        ({"name": "s", "expectations": []}, "at least one expectation"),
        ({"expectations": [NOT_NULL]}, "name=None"),
        ([], "a JSON object"),
    ],
)
def test_mistakes_are_refused_naming_file_and_line(tmp_path: Path, payload: Any, said: str) -> None:
    path = tmp_path / "expectations.json"
    path.write_text(json.dumps(payload))
    with pytest.raises(BadInput, match=said) as caught:
        load_suite(path)
    assert str(path) in str(caught.value)


def test_a_file_that_is_no_json_or_not_there(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="No such file"):
        load_suite(tmp_path / "none.json")
    (tmp_path / "bad.json").write_text("{")
    with pytest.raises(BadInput, match="a JSON file"):
        load_suite(tmp_path / "bad.json")


def test_loading_imports_neither_great_expectations_nor_pandas() -> None:
    program = (
        "import sys; from ckpt_ops.validation import load_suite; load_suite(sys.argv[1]);"
        "print([name for name in ('great_expectations', 'pandas') if name in sys.modules])"
    )
    root = str(FLIGHTS.parents[2])
    said = subprocess.run(
        [sys.executable, "-c", program, str(FLIGHTS)], cwd=root, capture_output=True, text=True, check=True
    )
    assert said.stdout.strip() == "[]"
