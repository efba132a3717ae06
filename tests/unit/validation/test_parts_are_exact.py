"""A slice evaluated in parts, each by itself, has the verdict of one pass over it, to the last example."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime
from functools import partial
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from test_chunks_are_exact import POOL, SCHEMA, TABLES, suites

from ckpt_ops.column_times import Columns
from ckpt_ops.validation import Outcome, Suite, TableRows, Validation, ValidationResult, parse_suite, validate
from ckpt_ops.validation.custom import MemoryReference
from ckpt_ops.validation.data_docs import data_docs_html
from ckpt_ops.validation.in_parts import evaluate_part, look_beforehand
from ckpt_ops.validation.rows import nullable_columns
from ckpt_ops.validation.run import bad_at_most
from ckpt_ops.validation.schema import to_declare

NONE: Columns = {}
ASIDE = {"bad_rows": "set aside"}
REFERENCE = MemoryReference(pulled_at=datetime(2013, 1, 7, tzinfo=UTC))
SET_ASIDE = [
    {"type": f"expect_column_values_to_{name}", "kwargs": {"column": column, **kwargs}, "meta": ASIDE}
    for name, column, kwargs in (
        ("be_between", "n", {"min_value": 0, "max_value": 2}),
        ("not_be_null", "word", {}),
        ("be_in_set", "flag", {"value_set": [True]}),
        ("match_regex", "word", {"regex": "^a"}),
        ("not_be_in_future", "zoned", {}),  # evaluated over the whole, and sets rows aside as well
    )
]


def in_parts(
    table: pa.Table, suite: Suite, declared: pa.Schema, cuts: Sequence[int], *, chunk_rows: int = 3
) -> ValidationResult:
    """Cut before each row of `cuts`, every part evaluated by itself."""
    whole = TableRows(table=table)
    nulls = partial(nullable_columns, whole)
    beforehand = look_beforehand(whole, suite, declared, columns=NONE, nulls=nulls)
    ends = [*sorted({min(cut, table.num_rows) for cut in cuts}), table.num_rows]
    pieces = [table.slice(first, end - first) for first, end in zip([0, *ends], ends, strict=False)]
    parts = [
        evaluate_part(
            TableRows(table=piece), suite, declared, columns=NONE, beforehand=beforehand,
            bad_at_most=bad_at_most(suite, table.num_rows, 0), chunk_rows=chunk_rows,
        )
        for piece in pieces
        if piece.num_rows or len(pieces) == 1
    ]  # fmt: skip
    return validate(whole, suite, declared, reference=REFERENCE, parts=parts, beforehand=beforehand)


def without_times(found: ValidationResult) -> tuple[Validation, dict[str, list[int]], str]:
    """What is kept of a verdict, but for when and how it was made."""
    docs = ""
    if found.results:
        docs = data_docs_html(found, source="made", key="2013-01-06", revision="0" * 16)
    # sets of values are listed in no order
    docs = re.sub(r"\d{4}-\d\d-\d\dT[\d:.+]+|[0-9a-f]{32}|\d{4}-\d\d-\d\d \d\d:\d\d:\d\d UTC", "", docs)
    kept = replace(found.validation, seconds=0.0, parts=0, over_the_whole=())
    return kept, {why: rows.tolist() for why, rows in found.bad.by_reason.items()}, docs


def has_one_verdict(table: pa.Table, suite: Suite, cuts: Sequence[int], declared: pa.Schema = SCHEMA) -> None:
    alone = validate(TableRows(table=table), suite, declared, reference=REFERENCE, chunk_rows=3)
    assert without_times(in_parts(table, suite, declared, cuts)) == without_times(alone)


drawn = given(TABLES, suites(), st.lists(st.integers(0, 9), max_size=3))
examples = partial(settings, deadline=None, suppress_health_check=list(HealthCheck))


@examples(max_examples=12)
@drawn
def test_parts_give_the_verdict_of_one_pass(table: pa.Table, suite: Suite, cuts: list[int]) -> None:
    has_one_verdict(table, suite, cuts)


@pytest.mark.soak
@examples(max_examples=500)
@drawn
def test_parts_of_many_slices_give_it_too(table: pa.Table, suite: Suite, cuts: list[int]) -> None:
    has_one_verdict(table, suite, cuts)


@examples(max_examples=25)
@given(TABLES, st.lists(st.sampled_from(SET_ASIDE), min_size=1, unique_by=str), st.lists(st.integers(0, 9)),
       st.sampled_from([0.2, 0.5, 0.99]))  # fmt: skip
def test_the_same_rows_are_set_aside_for_the_same_reasons(
    table: pa.Table, expectations: list[dict[str, Any]], cuts: list[int], rate: float
) -> None:
    suite = parse_suite({"name": "n", "meta": {"bad_rows_at_most": rate}, "expectations": expectations})
    has_one_verdict(table, suite, cuts)


def test_one_verdict_has_every_expectation_at_once() -> None:
    rows = [{"n": 2**53 + 1, "x": 2.5, "word": "a"}, {"n": None, "x": 9.0, "word": "cc"}, {"n": 1, "m": 2}]
    suite = parse_suite({"name": "all", "expectations": POOL})
    has_one_verdict(pa.Table.from_pylist(rows * 3, schema=SCHEMA), suite, [1, 4])


def test_what_is_true_of_the_whole_is_true_of_its_parts() -> None:
    """2**53 + 1 is 2**53 for a slice with a null, also in the part that has none."""
    table = pa.table({"n": pa.array([2**53 + 1, 2**53 + 1, None, 1], pa.int64())})
    asked = {"type": "expect_column_values_to_be_in_set", "kwargs": {"column": "n", "value_set": [2**53]}}
    suite = parse_suite({"name": "n", "expectations": [asked]})
    has_one_verdict(table, suite, [2], table.schema)
    (reason,) = in_parts(table, suite, table.schema, [2]).validation.reasons
    assert reason.unexpected_count == 1


@pytest.mark.parametrize("last", [3.0, 3.5])
def test_a_column_whose_values_decide_is_judged_by_all_of_them(last: float) -> None:
    """Whole numbers that came as floats fit, unless the last part has one that is none."""
    declared = pa.schema([("n", pa.int64())])
    table = pa.table({"n": [1.0, 2.0, None, last]})
    assert to_declare(table.schema, declared) is not None
    asked = {"type": "expect_column_values_to_be_between", "kwargs": {"column": "n", "max_value": 2}}
    suite = parse_suite({"name": "n", "expectations": [asked]})
    has_one_verdict(table, suite, [2], declared)
    (reason,) = in_parts(table, suite, declared, [2]).validation.reasons
    assert ("3.5" in reason.message) is (last == 3.5)


def test_the_verdict_says_what_was_evaluated_over_the_whole() -> None:
    kinds = [
        ("values_to_not_be_null", {}),
        ("values_to_be_unique", {}),
        ("mean_to_be_between", {"max_value": 9}),
    ]
    suite = parse_suite(
        {
            "name": "n",
            "expectations": [
                *(
                    {"type": f"expect_column_{kind}", "kwargs": {"column": "n", **more}}
                    for kind, more in kinds
                ),
                {"type": "expect_table_row_count_to_be_between", "kwargs": {"min_value": 1}},
            ],
        }
    )
    table = pa.table({"n": [1, 2, 3]})
    found = in_parts(table, suite, table.schema, [1]).validation
    assert (found.outcome, found.parts) == (Outcome.ACCEPTED, 2)
    assert found.over_the_whole == (
        "expect_column_values_to_be_unique (n)",
        "expect_column_mean_to_be_between (n)",
    )
    assert Validation.from_json(found.to_json(), url="report.json") == found
    alone = validate(TableRows(table=table), suite, table.schema).validation
    assert {"parts", "over_the_whole"}.isdisjoint(json.loads(alone.to_json()))
