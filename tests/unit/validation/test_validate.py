"""Verdicts by the real Great Expectations on small tables: outcome, kind, words."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from verdicts import validate

from ckpt_ops.column_times import Since, columns_at
from ckpt_ops.errors import BadInput, Corrupt, ObjectNotFound
from ckpt_ops.store import LocalStore
from ckpt_ops.validation import (
    Kind,
    Outcome,
    Reason,
    Severity,
    Suite,
    TableRows,
    Validation,
    ValidationResult,
    parse_suite,
    read_report,
    schema_digest,
    write_report,
)

DECLARED = pa.schema([("carrier", pa.string()), ("distance", pa.int64()), ("delay", pa.int64())])
TABLE = pa.table({"carrier": ["UA", "AA", None], "distance": [1400, -214, -1035], "delay": [1, None, 3]})


def expect(kind: str, *, severity: str = "critical", **kwargs: Any) -> dict[str, Any]:
    return {"type": f"expect_{kind}", "kwargs": kwargs, "severity": severity, "meta": {"why": "because"}}


def suite(*expectations: dict[str, Any]) -> Suite:
    return parse_suite({"name": "small", "expectations": list(expectations)})


def message(validation: Validation) -> list[str]:
    return [reason.message for reason in validation.reasons]


HOLDS = expect("column_values_to_not_be_null", column="distance")


def test_a_slice_that_meets_everything_is_accepted() -> None:
    verdict = validate(TABLE, suite(HOLDS), DECLARED)
    assert (verdict.outcome, verdict.accepted, verdict.rows, verdict.reasons) == (
        Outcome.ACCEPTED,
        True,
        3,
        (),
    )


def test_failures_in_words_in_the_order_of_the_suite() -> None:
    verdict = validate(
        TABLE,
        suite(
            expect("table_row_count_to_be_between", min_value=10, max_value=20),
            expect("column_values_to_be_between", column="distance", min_value=0),
            expect("column_values_to_not_be_null", column="delay", mostly=0.9),
            expect("column_mean_to_be_between", column="delay", min_value=5),
            expect("column_values_to_be_in_set", column="carrier", value_set=["UA"]),
            expect("column_pair_values_a_to_be_greater_than_b", column_A="distance", column_B="delay"),
            expect("column_distinct_values_to_be_in_set", column="carrier", value_set=["UA"]),
        ),
        DECLARED,
    )
    assert verdict.outcome is Outcome.QUARANTINED
    assert message(verdict) == [
        "the slice: 3 rows, expected >= 10 and <= 20",
        "distance: 2 of 3 values (66.7 %) are not >= 0, e.g. -214, -1035",
        "delay: 1 of 3 values (33.3 %) are null, allowed 10 %",
        "delay: its mean is 2, expected >= 5",
        "carrier: 1 of 2 values (50.0 %) are none of UA, e.g. AA",
        "distance, delay: 2 of 3 rows (66.7 %) do not have distance > delay, e.g. (-214, null), (-1035, 3)",
        "carrier: expect_column_distinct_values_to_be_in_set(value_set=UA) does not hold, found AA",
    ]
    assert verdict.reasons[1].unexpected_count == 2
    assert {reason.why for reason in verdict.reasons} == {"because"}


def test_a_crashed_expectation_is_told_apart_from_a_failed_one() -> None:
    crashes = expect("column_values_to_match_regex", column="carrier", regex="(")
    fails = expect("column_values_to_match_regex", column="carrier", regex="^U")
    verdict = validate(TABLE, suite(fails, crashes, HOLDS), DECLARED)
    assert [reason.kind for reason in verdict.reasons] == [Kind.FAILED, Kind.CRASHED]
    assert re.search(
        r"carrier: .* crashed and evaluated nothing: .*regular expression", verdict.reasons[1].message
    )
    assert verdict.outcome is Outcome.QUARANTINED


def test_expectations_on_a_missing_or_mistyped_column_are_named_and_not_run() -> None:
    came = TABLE.drop_columns(["carrier"]).set_column(1, "delay", pa.array(["late", "x", "y"]))
    between = expect("column_values_to_be_between", column="delay", min_value=0)
    verdict = validate(
        came, suite(expect("column_values_to_not_be_null", column="carrier"), between, HOLDS), DECLARED
    )
    assert verdict.expectations == 1
    assert message(verdict) == [
        "column carrier is missing: declared as string; not run: expect_column_values_to_not_be_null",
        "column delay changed its type: declared int64, came string; "
        "not run: expect_column_values_to_be_between",
    ]


def test_a_column_outside_its_time_is_not_asked_for_and_the_verdict_tells() -> None:
    times = {"weather": Since("2013-01-13", default="none")}
    declared = DECLARED.append(pa.field("weather", pa.string()))
    asking = suite(
        HOLDS,
        expect("column_values_to_not_be_null", column="weather"),
        expect("column_values_to_be_between", column="delay", min_value=9, row_condition='weather=="rain"'),
        expect("table_columns_to_match_set", column_set=[*DECLARED.names, "weather"]),
    )
    older = columns_at(declared, times, "2013-01-06")
    verdict = validate(TABLE, asking, declared, columns=older)
    assert (verdict.outcome, verdict.expectations) == (Outcome.ACCEPTED, 1)
    (reason,) = verdict.reasons
    assert (reason.kind, reason.severity, reason.column) == (Kind.OUTSIDE, Severity.INFO, "weather")
    assert reason.message == (
        "column weather is not asked for: it is declared since slice 2013-01-13; models see 'none'; not run: "
        "expect_column_values_to_not_be_null, expect_column_values_to_be_between, "
        "expect_table_columns_to_match_set"
    )
    # it came too early, or did not come
    verdict = validate(TABLE.append_column("weather", [["a"] * 3]), asking, declared, columns=older)
    assert verdict.outcome is Outcome.QUARANTINED
    assert message(verdict)[0].startswith(
        "column weather came as string outside its time: it is declared since slice 2013-01-13"
    )
    newer = columns_at(declared, times, "2013-01-13")
    verdict = validate(TABLE, suite(HOLDS), declared, columns=newer)
    assert message(verdict) == ["column weather is missing: declared as string since slice 2013-01-13"]
    # the verdict on a slice outside the time differs from one in it, and one without times is what it was
    digests = [schema_digest(declared, columns) for columns in (older, newer, {})]
    assert digests[0] != digests[1] == digests[2] == schema_digest(declared)


def test_a_column_without_values_is_a_matter_of_nulls() -> None:
    came = TABLE.set_column(2, "delay", pa.nulls(3))
    alone = validate(came, suite(HOLDS), DECLARED)
    assert (alone.outcome, [reason.kind for reason in alone.reasons]) == (Outcome.ACCEPTED, [Kind.ALL_NULL])
    asked = validate(came, suite(expect("column_values_to_not_be_null", column="delay")), DECLARED)
    assert [reason.kind for reason in asked.reasons] == [Kind.FAILED, Kind.ALL_NULL]


def test_a_warning_is_reported_and_lets_the_slice_pass() -> None:
    warns = expect("column_values_to_be_between", column="distance", min_value=0, severity="warning")
    verdict = validate(TABLE, suite(warns), DECLARED)
    assert verdict.accepted
    assert [reason.severity for reason in verdict.reasons] == [Severity.WARNING]


def test_a_narrower_type_is_judged_as_the_declared_one() -> None:
    came = TABLE.set_column(1, "distance", TABLE["distance"].cast(pa.int32()))
    came = came.set_column(0, "carrier", came["carrier"].dictionary_encode())
    assert validate(came, suite(HOLDS), DECLARED).reasons == ()


def test_a_suite_that_does_not_fit_the_declared_columns_is_refused() -> None:
    with pytest.raises(BadInput, match=r"expectations\[0\].*column='carier'.*carrier, distance, delay"):
        validate(TABLE, suite(expect("column_values_to_not_be_null", column="carier")), DECLARED)
    bad = expect("column_values_to_be_between", column="distance", min_value=0, mostly=2)
    with pytest.raises(BadInput, match=r"expect_column_values_to_be_between.*less than or equal to 1"):
        validate(TABLE, suite(bad), DECLARED)


PREFIX = "slices/flights/2013-01-06/0123456789abcdef"
REASON = Reason(
    kind=Kind.FAILED, column="carrier", message="<script>alert(1)</script>", examples=("a",), why="a & b"
)
VERDICT = Validation(
    outcome=Outcome.QUARANTINED,
    rows=3,
    reasons=(REASON,),
    expectations=1,
    seconds=0.1,
    suite="small",
    suite_digest="00",
)


def test_reports_lie_beside_the_slice_and_are_read_back(tmp_path: Path) -> None:
    store = LocalStore(tmp_path)
    evaluated = ValidationResult(validation=VERDICT)
    assert (
        write_report(store, PREFIX, evaluated, TableRows(table=TABLE)) == f"{PREFIX}/quarantine/report.json"
    )
    assert read_report(store, PREFIX, Outcome.QUARANTINED) == VERDICT
    page = store.get(f"{PREFIX}/quarantine/report.html").decode()
    assert "<script" not in page
    assert "&lt;script&gt;" in page
    assert "a &amp; b" in page
    with pytest.raises(ObjectNotFound):
        read_report(store, PREFIX, Outcome.ACCEPTED)
    store.put(f"{PREFIX}/quarantine/report.json", b"{}")
    with pytest.raises(Corrupt, match="quarantine/report"):
        read_report(store, PREFIX, Outcome.QUARANTINED)
