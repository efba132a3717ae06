"""Thresholds: what was seen, a margin, and the reason in words. What they came from is accepted."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pyarrow as pa
import pytest

from ckpt_ops.scaffold.expectations import as_json, suite_of
from ckpt_ops.scaffold.profile import Looked
from ckpt_ops.validation import Kind, TableRows, load_suite, parse_suite, validate
from ckpt_ops.validation.custom import MemoryReference

NOW = datetime(2026, 1, 1, tzinfo=UTC)
N = 100


def looked(**columns: Any) -> pa.Table:
    return pa.table(columns)


def lines_for(*tables: pa.Table, whole: bool = True) -> list[dict[str, Any]]:
    slices = [
        Looked(key=f"2013-01-{at:02}", table=table, whole=whole) for at, table in enumerate(tables, start=1)
    ]
    suite = suite_of("made", tables[0].schema, slices, now=NOW)
    parse_suite(suite)
    lines: list[dict[str, Any]] = suite["expectations"]
    return lines


def about(lines: list[dict[str, Any]], kind: str, column: str) -> dict[str, Any] | None:
    found = [line for line in lines if line["type"] == f"expect_column_values_to_{kind}"]
    return next((line for line in found if line["kwargs"]["column"] == column), None)


def test_every_threshold_says_what_was_seen() -> None:
    for line in lines_for(
        looked(n=list(range(N)), c=["a", "b"] * (N // 2)), looked(n=list(range(N)), c=["a", "b"] * (N // 2))
    ):
        assert any(digit in line["meta"]["why"] for digit in "0123456789"), line


@pytest.mark.parametrize(
    ("counts", "whole", "bounds"),
    [
        ([800, 900], True, {"min_value": 401, "max_value": 1599}),
        ([300, 900], True, {"min_value": 151, "max_value": 1799}),  # days differ by more than a delivery
        ([1], True, {"min_value": 1, "max_value": 1}),
        ([800, 900], False, {"min_value": 400}),
    ],
)
def test_rows_are_between_half_and_twice_what_was_seen(
    counts: list[int], whole: bool, bounds: dict[str, int]
) -> None:
    (line, *_) = lines_for(*(looked(n=[7] * count) for count in counts), whole=whole)
    assert line["type"] == "expect_table_row_count_to_be_between"
    assert line["kwargs"] == bounds


def test_a_column_that_was_never_null_sets_its_nulls_aside() -> None:
    line = about(lines_for(looked(n=[7] * N)), "not_be_null", "n")
    assert line is not None
    assert line["meta"] == {"why": "never null in 100 rows of one slice", "bad_rows": "set aside"}


@pytest.mark.parametrize(("nulls", "mostly"), [(1, 0.89), (10, 0.6), (20, None)])
def test_a_share_of_nulls_may_swing(nulls: int, mostly: float | None) -> None:
    line = about(lines_for(looked(n=[None] * nulls + [7] * (N - nulls))), "not_be_null", "n")
    assert (line and line["kwargs"].get("mostly")) == mostly


@pytest.mark.parametrize(
    ("values", "bounds"),
    [
        ([17, 4983], {"min_value": 0, "max_value": 10_000}),
        ([-20, 1126], {"min_value": -1200, "max_value": 2300}),
        ([-30, -10], {"min_value": -50, "max_value": 0}),
        ([0.25, 0.75], {"min_value": 0, "max_value": 1.3}),
        ([7, 7], None),
    ],
)
def test_a_range_has_its_own_width_as_margin(values: list[float], bounds: dict[str, float] | None) -> None:
    line = about(lines_for(looked(n=values * (N // 2))), "be_between", "n")
    assert (line and {name: line["kwargs"][name] for name in ("min_value", "max_value")}) == bounds


def test_infinity_and_nan_are_no_part_of_a_range() -> None:
    line = about(lines_for(looked(n=[1.0, 2.0, float("inf"), float("nan")] * 10)), "be_between", "n")
    assert line is not None
    assert line["kwargs"]["max_value"] == 3.0


def test_what_follows_the_time_has_no_range() -> None:
    lines = lines_for(
        looked(year=[2013] * N, n=list(range(N)), day=[1] * N),
        looked(year=[2013] * N, n=list(range(N, 2 * N)), day=[2] * N),
    )
    assert [about(lines, "be_between", name) for name in ("year", "n", "day")] == [None, None, None]


def test_an_id_is_unique_and_has_no_upper_bound() -> None:
    lines = lines_for(looked(order_id=[9 * n for n in range(N)], n=[7, 8] * (N // 2)))
    unique, bounds = about(lines, "be_unique", "order_id"), about(lines, "be_between", "order_id")
    assert unique is not None
    assert bounds is not None
    assert bounds["kwargs"] == {"column": "order_id", "min_value": 0}


def test_a_key_of_two_columns_is_found_as_a_warning() -> None:
    table = looked(order=[n // 4 for n in range(400)], line=[n % 4 for n in range(400)], price=[1.5] * 400)
    (line,) = (line for line in lines_for(table) if "compound" in line["type"])
    assert line["kwargs"] == {"column_list": ["order", "line"]}
    assert line["severity"] == "warning"


def test_columns_that_tell_rows_apart_by_chance_are_no_key() -> None:
    table = looked(a=[n * 7919 % 97 for n in range(N)], b=[n * 104729 % 89 for n in range(N)])
    assert not [line for line in lines_for(table) if "unique" in line["type"]]


def test_too_few_rows_say_nothing_of_a_key() -> None:
    assert not [line for line in lines_for(looked(n=[1, 2, 3])) if "unique" in line["type"]]


def test_a_category_that_is_the_same_in_all_slices_is_closed() -> None:
    line = about(lines_for(*[looked(c=["EWR", "JFK"] * N)] * 2), "be_in_set", "c")
    assert line is not None
    assert (line["kwargs"]["value_set"], line["meta"]["bad_rows"]) == (["EWR", "JFK"], "set aside")


@pytest.mark.parametrize("tables", [[["a", "b"]], [["a", "b"], ["a", "c"]]])
def test_a_category_that_may_grow_only_warns(tables: list[list[str]]) -> None:
    line = about(lines_for(*(looked(c=values * N) for values in tables)), "be_in_set", "c")
    assert line is not None
    assert line["severity"] == "warning"
    assert "bad_rows" not in line["meta"]


@pytest.mark.parametrize("values", [["a"] * N, [f"v{n}" for n in range(N)]])
def test_one_value_or_many_are_no_category(values: list[str]) -> None:
    assert about(lines_for(looked(c=values)), "be_in_set", "c") is None


@pytest.mark.parametrize(
    ("slices", "mostly"),
    [
        ([["a", "b"] * 50] * 2 + [["a", "c"] * 50], None),  # half of a slice is new: it grows as ids do
        ([["a"] * 99 + ["b"], ["a"] * 99 + ["c"]], 0.94),  # 1 % is new: five points more
        ([["a"] * 9 + ["b"], ["a"] * 9 + ["c"]], 0.6),  # 10 %: four times as much
        ([["a"] * 9 + ["b"], ["a"] * 9 + ["c"], ["b"] * 9 + ["c"]], 0.6),  # of all that came before
        ([["a", "b", "c"], ["a", None, None]], 0.95),  # what is null is not new
        ([["a"] * 99 + ["b"]], None),  # one slice says nothing of what comes
        ([["EWR", "JFK"] * 50] * 3, None),  # closed: any other value is set aside
        ([["a"] * 100, ["a"] * 100], None),
        ([["n1", "n2"], ["n3", "n4"]], None),
        ([[f"code {n}" for n in range(90)]] * 2 + [[f"code {n}" for n in range(1, 91)]], 0.93),
    ],
)
def test_text_that_comes_again_has_to_be_known_but_for_a_share(
    slices: list[list[str | None]], mostly: float | None
) -> None:
    line = about(
        lines_for(*(looked(c=pa.array(values, pa.string())) for values in slices)), "be_in_reference", "c"
    )
    assert (line and line["kwargs"]["mostly"]) == mostly
    assert line is None or "severity" not in line


def test_what_is_not_asked_of_the_label_is_said() -> None:
    table = looked(late=[True, False] * N, dest=["JFK", "LGA"] * N)
    suite = suite_of("made", table.schema, [Looked(key=f"2013-01-{at:02}", table=table) for at in (1, 2)])
    assert not [line for line in suite["expectations"] if "psi" in line["type"]]
    assert "expect_column_psi_to_be_at_most with severity warning" in suite["meta"]["not_asked"]


@pytest.mark.parametrize(
    ("latest", "bounded"),
    [(datetime(2013, 1, 6, tzinfo=UTC), True), (datetime(2030, 1, 1, tzinfo=UTC), False)],
)
def test_times_are_not_in_the_future_unless_they_were(latest: datetime, bounded: bool) -> None:
    for kind in (pa.timestamp("us", tz="UTC"), pa.timestamp("us"), pa.date32()):
        column = (
            pa.array([latest.replace(tzinfo=None)] * 3, pa.timestamp("us"))
            .cast(pa.timestamp("us"))
            .cast(kind if kind != pa.date32() else pa.date32(), safe=False)
        )
        line = about(lines_for(pa.table({"at": column})), "not_be_in_future", "at")
        assert (line is not None) == bounded
        if line is not None:
            assert line["kwargs"]["tolerance_seconds"] == 24 * 3600


def test_great_expectations_accepts_what_the_suite_came_from_and_finds_what_is_bad(tmp_path: Any) -> None:
    def orders(first: int) -> pa.Table:
        numbers = range(first, first + 200)
        return looked(
            order_id=list(numbers),
            price=[0.5 + n % 90 for n in numbers],
            note=[None if n % 10 == 0 else f"n{n}" for n in numbers],
            state=[("new", "paid", "sent")[n % 3] for n in numbers],
            shop=[f"shop {n % 40 + first // 200}" for n in numbers],
            at=[datetime(2013, 1, 6, n % 24, tzinfo=UTC) for n in numbers],
        )

    slices = [Looked(key="2013-01-06", table=orders(0)), Looked(key="2013-01-07", table=orders(200))]
    path = tmp_path / "expectations.json"
    path.write_text(as_json(suite_of("orders", orders(0).schema, slices)))
    assert json.loads(path.read_text())["name"] == "orders"
    suite = load_suite(path)
    pulled = MemoryReference(pulled_at=datetime(2013, 1, 8, tzinfo=UTC))
    for one in slices:
        found = validate(TableRows(table=one.table), suite, one.table.schema, reference=pulled).validation
        # new shops and rows seen before: nothing was accepted yet
        assert ([one.kind for one in found.reasons], found.set_aside) == ([Kind.NOT_EVALUATED] * 2, 0)
    table = orders(400)
    spoiled = table.set_column(1, "price", pa.array([-1.0, *table["price"].to_pylist()[1:]]))
    spoiled = spoiled.set_column(3, "state", pa.array([*table["state"].to_pylist()[:-1], "lost"]))
    found = validate(TableRows(table=spoiled), suite, table.schema).validation
    assert (found.outcome.value, found.set_aside) == ("accepted, bad rows set aside", 2)
    consumed = MemoryReference(
        pulled_at=datetime(2013, 1, 9, tzinfo=UTC), tables={one.key: one.table for one in slices}
    )
    found = validate(TableRows(table=table), suite, table.schema, reference=consumed).validation
    assert (found.reasons, found.set_aside) == ((), 0), "a shop that is new, of forty"
    invented = pa.array([f"nowhere {n}" for n in range(table.num_rows)])
    elsewhere = table.set_column(table.schema.get_field_index("shop"), "shop", invented)
    found = validate(TableRows(table=elsewhere), suite, table.schema, reference=consumed).validation
    assert [(one.column, one.expectation) for one in found.reasons] == [
        ("shop", "expect_column_values_to_be_in_reference")
    ]
    assert not found.accepted
    twice = pa.concat_tables([table, table])
    assert not validate(TableRows(table=twice), suite, table.schema).validation.accepted


def test_decimals_have_a_range_as_other_numbers_do() -> None:
    def amounts(factor: int) -> pa.Table:
        cents = [Decimal(n * factor) / 100 for n in range(100, 100 + N)]
        return looked(amount=pa.array([*cents[:-1], None], pa.decimal128(18, 2)))

    usual = amounts(1)
    slices = [Looked(key=f"2013-01-0{at}", table=usual) for at in (1, 2)]
    suite = parse_suite(suite_of("made", usual.schema, slices))
    assert validate(TableRows(table=usual), suite, usual.schema).validation.accepted
    found = validate(TableRows(table=amounts(-(10**6))), suite, usual.schema).validation
    assert not found.accepted
    assert "amount" in [reason.column for reason in found.reasons]
