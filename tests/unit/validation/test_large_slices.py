"""A slice evaluated in chunks and a few columns at a time has the verdict of one evaluated whole."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ckpt_ops.errors import BadInput
from ckpt_ops.store import LocalStore
from ckpt_ops.validation import Outcome, Suite, TableRows, Validation, parse_suite, validate, write_report
from ckpt_ops.validation.custom import MemoryReference
from ckpt_ops.validation.execution_mode import ExecutionMode, execution_mode_of

DECLARED = pa.schema(
    [("n", pa.int64()), ("x", pa.float64()), ("word", pa.string()), ("at", pa.timestamp("us", tz="UTC"))]
)
EVERY_WAY = [
    {"type": "expect_column_values_to_be_between", "kwargs": {"column": "n", "min_value": 0}},
    {"type": "expect_column_values_to_be_between", "kwargs": {"column": "x", "max_value": 5, "mostly": 0.6}},
    {"type": "expect_column_values_to_not_be_null", "kwargs": {"column": "word", "mostly": 0.5}},
    {"type": "expect_column_values_to_be_null", "kwargs": {"column": "x", "mostly": 0.3}},
    {"type": "expect_column_values_to_be_in_set", "kwargs": {"column": "word", "value_set": ["a", "b"]}},
    {"type": "expect_column_values_to_match_regex", "kwargs": {"column": "word", "regex": "^[ab]"}},
    {"type": "expect_column_value_lengths_to_be_between", "kwargs": {"column": "word", "max_value": 1}},
    {
        "type": "expect_column_pair_values_a_to_be_greater_than_b",
        "kwargs": {"column_A": "n", "column_B": "x", "or_equal": True, "mostly": 0.5},
    },
    {"type": "expect_column_values_to_be_unique", "kwargs": {"column": "n"}},
    {"type": "expect_compound_columns_to_be_unique", "kwargs": {"column_list": ["n", "word"]}},
    {"type": "expect_column_mean_to_be_between", "kwargs": {"column": "x", "max_value": 3}},
    {"type": "expect_column_median_to_be_between", "kwargs": {"column": "n", "min_value": 1}},
    {"type": "expect_column_distinct_values_to_be_in_set", "kwargs": {"column": "word", "value_set": ["a"]}},
    {"type": "expect_table_row_count_to_be_between", "kwargs": {"min_value": 3, "max_value": 6}},
    {"type": "expect_table_columns_to_match_set", "kwargs": {"column_set": DECLARED.names}},
    {"type": "expect_column_to_exist", "kwargs": {"column": "n"}},
]


def suite(*expectations: dict[str, Any], **meta: Any) -> Suite:
    return parse_suite({"name": "made", "meta": meta, "expectations": list(expectations)})


def verdict(table: pa.Table, suite: Suite, **options: Any) -> Validation:
    return validate(TableRows(table=table, batch_rows=2), suite, DECLARED, **options).validation


def rows(*, min_size: int = 1) -> st.SearchStrategy[pa.Table]:
    row = st.fixed_dictionaries(
        {
            "n": st.none() | st.integers(-2, 4),
            "x": st.none() | st.sampled_from([-1.0, 2.5, 7.0, float("inf"), float("nan")]),
            "word": st.none() | st.sampled_from(["a", "b", "cc"]),
        }
    )
    return st.lists(row, min_size=min_size, max_size=9).map(
        lambda found: pa.Table.from_pylist(found, schema=DECLARED)
    )


def test_the_suite_above_takes_every_way() -> None:
    assert {execution_mode_of(each["type"]) for each in EVERY_WAY} == set(ExecutionMode)
    assert execution_mode_of("expect_something_of_ones_own") is ExecutionMode.COLUMNS


# --- rows set aside ---------------------------------------------------------------------------------

ASIDE = {"bad_rows": "set aside"}
BETWEEN = {
    "type": "expect_column_values_to_be_between",
    "kwargs": {"column": "n", "min_value": 0},
    "meta": ASIDE,
}
NOT_NULL = {"type": "expect_column_values_to_not_be_null", "kwargs": {"column": "word"}, "meta": ASIDE}
TABLE = pa.Table.from_pylist(
    [{"n": 3, "word": "a"}, {"n": -1, "word": None}, {"n": None, "word": "b"}, {"n": -7, "word": "c"}] * 5,
    schema=DECLARED,
)


def test_bad_rows_are_set_aside_with_their_reasons_up_to_the_rate(tmp_path: Path) -> None:
    evaluated = validate(TableRows(table=TABLE), suite(BETWEEN, NOT_NULL, bad_rows_at_most=0.5), DECLARED)
    assert (evaluated.validation.outcome, evaluated.validation.set_aside) == (Outcome.SET_ASIDE, 10)
    assert evaluated.validation.accepted
    assert [reason.message for reason in evaluated.validation.reasons] == [
        "n: 10 of 15 values (66.7 %) are not >= 0, e.g. -1, -7",
        "word: 5 of 20 values (25.0 %) are null",
    ]
    store = LocalStore(tmp_path)
    prefix = "slices/made/2013-01-06/0123456789abcdef"
    assert (
        write_report(store, prefix, evaluated, TableRows(table=TABLE)) == f"{prefix}/quarantine/report.json"
    )
    kept = pq.read_table(tmp_path / f"{prefix}/quarantine/rows.parquet")
    assert kept.slice(0, 2).to_pylist() == [
        {
            "n": -1,
            "x": None,
            "word": None,
            "at": None,
            "_row": 1,
            "_reasons": ["n: is not >= 0", "word: is null"],
        },
        {"n": -7, "x": None, "word": "c", "at": None, "_row": 3, "_reasons": ["n: is not >= 0"]},
    ]
    assert kept["_row"].to_pylist() == [row for row in range(20) if row % 4 in (1, 3)]
    rest = pa.Table.from_batches(evaluated.bad.rest(TableRows(table=TABLE, batch_rows=3)))
    assert rest.equals(
        pa.concat_tables([TABLE.slice(row, 1) for row in range(20) if row % 2 == 0]).combine_chunks()
    )


def test_beyond_the_rate_the_slice_is_quarantined_whole() -> None:
    evaluated = validate(TableRows(table=TABLE), suite(BETWEEN, NOT_NULL, bad_rows_at_most=0.49), DECLARED)
    assert (evaluated.validation.outcome, evaluated.validation.set_aside) == (Outcome.QUARANTINED, 0)
    assert len(evaluated.bad.numbers) == 0
    assert evaluated.validation.reasons[0].message == (
        "10 of 20 rows (50.0 %) fail expectations on single rows, and at most 49 % may be set aside"
    )
    in_chunks = verdict(TABLE, suite(BETWEEN, NOT_NULL, bad_rows_at_most=0.1), chunk_rows=4)
    at_once = verdict(TABLE, suite(BETWEEN, NOT_NULL, bad_rows_at_most=0.1))
    assert in_chunks.reasons == at_once.reasons


def test_how_many_rows_are_bad_is_exact_however_far_beyond_the_rate() -> None:
    many = pa.Table.from_pylist(
        [{"n": -at, "word": None if at % 2 else "a"} for at in range(40)], schema=DECLARED
    )
    asked = suite(BETWEEN, NOT_NULL, bad_rows_at_most=0.01)
    evaluated = validate(TableRows(table=many), asked, DECLARED, chunk_rows=4)
    assert evaluated.validation.reasons[0].message.startswith("39 of 40 rows (97.5 %) fail")


def test_rows_that_fail_the_same_words_under_two_conditions_are_all_set_aside() -> None:
    both = [
        BETWEEN
        | {"kwargs": {**BETWEEN["kwargs"], "row_condition": f"x {sign} 0", "condition_parser": "pandas"}}
        for sign in ("<", ">")
    ]
    table = pa.Table.from_pylist(
        [{"n": -1, "x": -1.0}, {"n": -1, "x": 0.0}, {"n": -1, "x": 1.0}], schema=DECLARED
    )
    evaluated = validate(TableRows(table=table), suite(*both, bad_rows_at_most=0.9), DECLARED)
    assert evaluated.bad.numbers.tolist() == [0, 2]
    assert list(evaluated.bad.by_reason) == ["n: is not >= 0"]


def test_what_spoils_the_whole_slice_is_not_helped_by_setting_rows_aside() -> None:
    many = {"type": "expect_table_row_count_to_be_between", "kwargs": {"min_value": 100}}
    assert verdict(TABLE, suite(BETWEEN, many, bad_rows_at_most=0.6)).outcome is Outcome.QUARANTINED


@settings(max_examples=8, deadline=None, suppress_health_check=list(HealthCheck))
@given(rows(min_size=2), st.sampled_from([1, 3, 1000]))
def test_set_aside_and_rest_are_the_slice_however_it_is_cut(table: pa.Table, chunk_rows: int) -> None:
    asked = suite(BETWEEN, NOT_NULL, bad_rows_at_most=0.999)
    evaluated = validate(TableRows(table=table, batch_rows=2), asked, DECLARED, chunk_rows=chunk_rows)
    bad = {
        at
        for at, row in enumerate(table.to_pylist())
        if row["word"] is None or (row["n"] is not None and row["n"] < 0)
    }
    if len(bad) <= 0.999 * table.num_rows:
        assert set(evaluated.bad.numbers.tolist()) == bad
        rest = pa.Table.from_batches(evaluated.bad.rest(TableRows(table=table)), schema=DECLARED)
        assert rest.num_rows == table.num_rows - len(bad)


@pytest.mark.parametrize(
    ("expectation", "meta", "said"),
    [
        (BETWEEN, {}, r"bad_rows_at_most=None.*a share of the rows"),
        (BETWEEN, {"bad_rows_at_most": 1.5}, r"bad_rows_at_most=1\.5"),
        (BETWEEN | {"meta": {"bad_rows": "drop"}}, {"bad_rows_at_most": 0.1}, "'set aside', or not"),
        (
            {"type": "expect_column_mean_to_be_between", "kwargs": {"column": "n"}, "meta": ASIDE},
            {"bad_rows_at_most": 0.1},
            "evaluates row by row; expect_column_mean_to_be_between does not",
        ),
        (
            BETWEEN | {"kwargs": {"column": "n", "min_value": 0, "mostly": 0.9}},
            {"bad_rows_at_most": 0.1},
            "no mostly beside bad_rows",
        ),
        (BETWEEN | {"severity": "warning"}, {"bad_rows_at_most": 0.1}, "severity='warning'.*critical"),
        (BETWEEN | {"meta": {}}, {"bad_rows_at_most": 2}, r"bad_rows_at_most=2"),
    ],
)
def test_settings_that_contradict_each_other_are_refused(
    expectation: dict[str, Any], meta: dict[str, Any], said: str
) -> None:
    with pytest.raises(BadInput, match=said):
        suite(expectation, **meta)


def test_a_share_alone_bounds_the_rows_that_do_not_parse() -> None:
    asked = {"type": "expect_column_values_to_not_be_null", "kwargs": {"column": "n"}}
    suite = parse_suite({"name": "n", "meta": {"bad_rows_at_most": 0.1}, "expectations": [asked]})
    assert suite.bad_rows_at_most == 0.1


def test_a_digest_changes_with_what_is_set_aside_and_not_without() -> None:
    plain = BETWEEN | {"meta": {"why": "no flight is shorter"}}
    digests = {suite(plain).digest, suite(BETWEEN, bad_rows_at_most=0.1).digest}
    digests.add(suite(BETWEEN, bad_rows_at_most=0.2).digest)
    assert len(digests) == 3
    assert suite(plain).digest == suite(BETWEEN | {"meta": {}}).digest


# --- values that only look like values ----------------------------------------------------------------


def test_a_column_of_nan_infinities_and_times_in_the_future_are_caught() -> None:
    now = datetime(2013, 1, 8, tzinfo=UTC)
    table = pa.table(
        {
            "n": [1, 2],
            "x": [float("nan"), float("nan")],
            "word": ["a", "b"],
            "at": pa.array([now + timedelta(hours=23), now + timedelta(hours=25)], DECLARED.field("at").type),
        }
    )
    not_null = {"type": "expect_column_values_to_not_be_null", "kwargs": {"column": "x"}}
    finite = {
        "type": "expect_column_values_to_be_between",
        "kwargs": {"column": "x", "min_value": -1e300, "max_value": 1e300},
    }
    past = {
        "type": "expect_column_values_to_not_be_in_future",
        "kwargs": {"column": "at", "tolerance_seconds": 24 * 3600},
    }
    pulled = MemoryReference(pulled_at=now)
    said = [reason.message for reason in verdict(table, suite(not_null, past), reference=pulled).reasons]
    assert said[0].startswith("x: 2 of 2 values (100.0 %) are null")
    assert said[1].startswith("at: 1 of 2 rows (50.0 %) lie in the future of the pull")
    naive = table.set_column(3, "at", table["at"].cast(pa.timestamp("us")))
    schema = DECLARED.set(3, pa.field("at", pa.timestamp("us")))
    aside = suite(past | {"meta": ASIDE}, bad_rows_at_most=0.5)
    evaluated = validate(TableRows(table=naive), aside, schema, reference=pulled)
    assert (evaluated.validation.outcome, evaluated.bad.numbers.tolist()) == (Outcome.SET_ASIDE, [1])
    infinite = table.set_column(1, "x", pa.array([1.0, float("inf")]))
    (reason,) = verdict(infinite, suite(finite)).reasons
    assert "1 of 2 values" in reason.message


@pytest.mark.parametrize(
    "kind",
    [pa.date32(), pa.timestamp("us"), pa.timestamp("ms", "UTC"), pa.timestamp("us", "America/New_York")],
)
def test_a_bound_on_dates_and_times_is_written_as_json_can(kind: pa.DataType) -> None:
    schema = pa.schema([("at", kind)])
    days = [datetime(2013, 1, day, tzinfo=UTC) for day in (6, 7, 8)]
    table = pa.table({"at": pa.array(days, pa.timestamp("us", "UTC")).cast(kind)}, schema=schema)
    before = {
        "type": "expect_column_values_to_be_between",
        "kwargs": {"column": "at", "max_value": "2013-01-07T12:00"},
    }
    latest = {"type": "expect_column_max_to_be_between", "kwargs": before["kwargs"]}
    evaluated = validate(TableRows(table=table), suite(before, latest), schema).validation
    assert [reason.unexpected_count for reason in evaluated.reasons] == [1, 0]
    assert "2013-01-0" in evaluated.reasons[1].message
    wrong = before | {"kwargs": {"column": "at", "max_value": "next week"}}
    with pytest.raises(BadInput, match=r"max_value='next week'.*ISO 8601"):
        validate(TableRows(table=table), suite(wrong), schema)


@pytest.mark.parametrize("chunk_rows", [1, 500_000])
def test_a_slice_without_rows_is_judged_by_its_columns_and_their_number(chunk_rows: int) -> None:
    some = {"type": "expect_table_row_count_to_be_between", "kwargs": {"min_value": 1}}
    evaluated = verdict(TABLE.slice(0, 0), suite(BETWEEN | {"meta": {}}, some), chunk_rows=chunk_rows)
    assert [reason.message for reason in evaluated.reasons] == ["the slice: 0 rows, expected >= 1"]


def test_the_declared_columns_are_part_of_a_verdict() -> None:
    asked = suite({"type": "expect_column_to_exist", "kwargs": {"column": "n"}})
    one = validate(TableRows(table=TABLE), asked, DECLARED).validation
    wider = DECLARED.append(pa.field("new", pa.int64()))
    other = validate(TableRows(table=TABLE), asked, wider).validation
    assert one.schema_digest != other.schema_digest
    assert "column new is missing: declared as int64" in other.reasons[0].message
    assert json.loads(one.to_json())["schema_digest"] == one.schema_digest
