"""Great Expectations' own page on a slice: whole without a network, and written by nobody but us."""

from __future__ import annotations

import re
from html import unescape
from typing import Any

import pyarrow as pa
import pytest

from ckpt_ops.validation import TableRows, ValidationResult, parse_suite, validate
from ckpt_ops.validation.data_docs import data_docs_html

MARKUP = "<img src=x onerror=alert(1)>"


def evaluated(
    table: pa.Table, *expectations: tuple[str, dict[str, Any]], name: str = "made"
) -> ValidationResult:
    lines = [{"type": f"expect_{type_}", "kwargs": kwargs} for type_, kwargs in expectations]
    return validate(TableRows(table=table), parse_suite({"name": name, "expectations": lines}), table.schema)


def page_on(verdict: ValidationResult) -> str:
    return data_docs_html(verdict, source="flights", key="2013-01-06", revision="0123456789abcdef")


def text_of(page: str) -> str:
    """What a reader sees."""
    body = page[page.index("<body") :]
    return " ".join(unescape(re.sub(r"<[^>]*>", " ", body)).split())


def test_the_page_says_what_was_asked_of_what_and_what_came(caplog: pytest.LogCaptureFixture) -> None:
    table = pa.table({"n": [1, -2, 3], "word": ["a", None, "c"], "none": pa.nulls(3, pa.float64())})
    page = page_on(
        evaluated(
            table,
            ("column_values_to_be_between", {"column": "n", "min_value": 0}),
            ("column_pair_values_a_to_be_greater_than_b", {"column_A": "n", "column_B": "none"}),
            ("column_values_to_match_regex", {"column": "word", "regex": "("}),
            ("column_values_to_be_between", {"column": "none", "min_value": 0}),
            ("column_distinct_values_to_be_in_set", {"column": "word", "value_set": ["a"]}),
            ("table_row_count_to_be_between", {"min_value": 1}),
        )
    )
    seen = text_of(page)
    for said in (
        "Data asset: flights 2013-01-06",
        "revision 0123456789abcdef",
        "values must be greater than or equal to 0",
        "1 unexpected values found",
        "(-2, null)",
        "regular expression",
    ):
        assert said in seen
    assert "__none__" not in seen
    alarmed = [each.message for each in caplog.records if each.levelname != "INFO"]
    assert alarmed == [], "a renderer that fails says so, and leaves a hole in the page"


def test_the_page_loads_and_runs_nothing_and_leads_nowhere() -> None:
    page = page_on(evaluated(pa.table({"n": [1]}), ("column_to_exist", {"column": "n"})))
    assert re.findall(r"""(?:src|href)=["']?([^"'> ]+)""", page) == []
    assert "<script" not in page
    assert "default-src 'none'" in page


def test_markup_in_data_and_column_names_and_suites_is_text_on_the_page() -> None:
    table = pa.table({"word": [MARKUP, "b"], MARKUP: [MARKUP, "b"]})
    asked = [
        question
        for column in table.column_names
        for question in (
            ("column_values_to_be_in_set", {"column": column, "value_set": [f"{MARKUP}?"]}),
            ("column_distinct_values_to_be_in_set", {"column": column, "value_set": ["<i>"]}),
            ("column_most_common_value_to_be_in_set", {"column": column, "value_set": ["<i>"]}),
            ("column_values_to_match_regex", {"column": column, "regex": f"({MARKUP}"}),
        )
    ]
    page = page_on(evaluated(table, *asked, name=f"suite {MARKUP}"))
    assert "<img" not in page
    assert MARKUP in text_of(page)
