"""A slice judged in chunks and a few columns at a time has the verdict of one judged whole."""

from __future__ import annotations

import json
from dataclasses import replace
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
from ckpt_ops.validation.ways import Way, way_of

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
    assert {way_of(each["type"]) for each in EVERY_WAY} == set(Way)
    assert way_of("expect_something_of_ones_own") is Way.COLUMNS


@settings(max_examples=12, deadline=None, suppress_health_check=list(HealthCheck))
@given(rows(), st.sampled_from([1, 6, 12]))
def test_in_chunks_or_whole_the_verdict_is_the_same(table: pa.Table, chunk_cells: int) -> None:
    in_chunks = verdict(table, suite(*EVERY_WAY), chunk_cells=chunk_cells)
    at_once = verdict(table, suite(*EVERY_WAY))
    assert replace(in_chunks, seconds=0.0) == replace(at_once, seconds=0.0)


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
    judged = validate(TableRows(table=TABLE), suite(BETWEEN, NOT_NULL, bad_rows_at_most=0.5), DECLARED)
    assert (judged.validation.outcome, judged.validation.set_aside) == (Outcome.SET_ASIDE, 10)
    assert judged.validation.accepted
    assert [reason.words for reason in judged.validation.reasons] == [
        "n: 10 of 15 values (66.7 %) are not >= 0, e.g. -1, -7",
        "word: 5 of 20 values (25.0 %) are null",
    ]
    store = LocalStore(tmp_path)
    prefix = "slices/made/2013-01-06/0123456789abcdef"
    assert write_report(store, prefix, judged, TableRows(table=TABLE)) == f"{prefix}/quarantine/report.json"
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
    rest = pa.Table.from_batches(judged.bad.rest(TableRows(table=TABLE, batch_rows=3)))
    assert rest.equals(
        pa.concat_tables([TABLE.slice(row, 1) for row in range(20) if row % 2 == 0]).combine_chunks()
    )


def test_beyond_the_rate_the_slice_is_quarantined_whole() -> None:
    judged = validate(TableRows(table=TABLE), suite(BETWEEN, NOT_NULL, bad_rows_at_most=0.49), DECLARED)
    assert (judged.validation.outcome, judged.validation.set_aside) == (Outcome.QUARANTINED, 0)
    assert len(judged.bad.numbers) == 0
    assert judged.validation.reasons[0].words == (
        "at least 10 of 20 rows (50.0 %) fail what is asked of each row, and at most 49 % may be set aside"
    )
    in_chunks = verdict(TABLE, suite(BETWEEN, NOT_NULL, bad_rows_at_most=0.1), chunk_cells=4)
    at_once = verdict(TABLE, suite(BETWEEN, NOT_NULL, bad_rows_at_most=0.1))
    assert replace(in_chunks, seconds=0.0) == replace(at_once, seconds=0.0)


def test_what_spoils_the_whole_slice_is_not_helped_by_setting_rows_aside() -> None:
    many = {"type": "expect_table_row_count_to_be_between", "kwargs": {"min_value": 100}}
    assert verdict(TABLE, suite(BETWEEN, many, bad_rows_at_most=0.6)).outcome is Outcome.QUARANTINED


@settings(max_examples=8, deadline=None, suppress_health_check=list(HealthCheck))
@given(rows(min_size=2), st.sampled_from([1, 4, 1000]))
def test_set_aside_and_rest_are_the_slice_however_it_is_cut(table: pa.Table, chunk_cells: int) -> None:
    asked = suite(BETWEEN, NOT_NULL, bad_rows_at_most=0.999)
    judged = validate(TableRows(table=table, batch_rows=2), asked, DECLARED, chunk_cells=chunk_cells)
    bad = {
        at
        for at, row in enumerate(table.to_pylist())
        if row["word"] is None or (row["n"] is not None and row["n"] < 0)
    }
    if len(bad) <= 0.999 * table.num_rows:
        assert set(judged.bad.numbers.tolist()) == bad
        rest = pa.Table.from_batches(judged.bad.rest(TableRows(table=table)), schema=DECLARED)
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
            "judges row by row; expect_column_mean_to_be_between does not",
        ),
        (
            BETWEEN | {"kwargs": {"column": "n", "min_value": 0, "mostly": 0.9}},
            {"bad_rows_at_most": 0.1},
            "no mostly beside bad_rows",
        ),
    ],
)
def test_settings_that_contradict_each_other_are_refused(
    expectation: dict[str, Any], meta: dict[str, Any], said: str
) -> None:
    with pytest.raises(BadInput, match=said):
        suite(expectation, **meta)


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
    said = [reason.words for reason in verdict(table, suite(not_null, past), reference=pulled).reasons]
    assert said[0].startswith("x: 2 of 2 values (100.0 %) are null")
    assert said[1].startswith("at: 1 of 2 rows (50.0 %) lie in the future of the pull")
    naive = table.set_column(3, "at", table["at"].cast(pa.timestamp("us")))
    schema = DECLARED.set(3, pa.field("at", pa.timestamp("us")))
    aside = suite(past | {"meta": ASIDE}, bad_rows_at_most=0.5)
    judged = validate(TableRows(table=naive), aside, schema, reference=pulled)
    assert (judged.validation.outcome, judged.bad.numbers.tolist()) == (Outcome.SET_ASIDE, [1])
    infinite = table.set_column(1, "x", pa.array([1.0, float("inf")]))
    (reason,) = verdict(infinite, suite(finite)).reasons
    assert "1 of 2 values" in reason.words


def test_the_declared_columns_are_part_of_a_verdict() -> None:
    asked = suite({"type": "expect_column_to_exist", "kwargs": {"column": "n"}})
    one = validate(TableRows(table=TABLE), asked, DECLARED).validation
    wider = DECLARED.append(pa.field("new", pa.int64()))
    other = validate(TableRows(table=TABLE), asked, wider).validation
    assert one.schema_digest != other.schema_digest
    assert "column new is missing: declared int64, came nothing" in other.reasons[0].words
    assert json.loads(one.to_json())["schema_digest"] == one.schema_digest


def test_data_docs_are_one_whole_page_that_loads_nothing(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    store = LocalStore(tmp_path)
    judged = validate(TableRows(table=TABLE), suite(*EVERY_WAY), DECLARED, chunk_cells=8)
    prefix = "slices/made/2013-01-06/0123456789abcdef"
    write_report(store, prefix, judged, TableRows(table=TABLE))
    page = store.get(f"{prefix}/quarantine/data_docs.html").decode()
    assert "<script" not in page
    assert 'src="http' not in page
    assert "values must be greater than or equal to" in page
    assert "made on made 2013-01-06" in page
    alarmed = [each.message for each in caplog.records if each.levelname != "INFO"]
    assert alarmed == [], "a renderer that fails says so, and leaves a hole in the page"
