"""`--rows` chooses rows, exactly those that it says, and can do nothing else."""

from __future__ import annotations

import math
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ckpt_ops.errors import BadInput
from ckpt_ops.slices.predicate import parse

TABLE = pa.table(
    {
        "person": ["p-17", "p-18", None, "p-17"],
        "age": pa.array([17, 30, 41, None], pa.int8()),
        "delay": [1.5, math.nan, None, -3.0],
        "member": [True, False, None, True],
        "day": pa.array([date(2013, 1, 6), date(2013, 1, 13), None, date(2013, 1, 20)]),
        "seen": pa.array(
            [datetime(2013, 1, 6), datetime(2013, 1, 6, 12), None, datetime(2013, 1, 7)], pa.timestamp("ms")
        ),
        "price": pa.array([Decimal("1.50"), Decimal("2.00"), None, Decimal("1.50")], pa.decimal128(8, 2)),
        "arrival delay": [1, 2, None, 4],
        "photo": pa.array([b"x", None, b"y", b"z"]),
    }
)


def chosen(text: str, table: pa.Table = TABLE) -> list[int]:
    (batch,) = table.combine_chunks().to_batches()
    mask = parse(text).mask(table.schema)(batch)
    assert mask.type == pa.bool_()
    assert mask.null_count == 0
    return [row for row, meant in enumerate(mask.to_pylist()) if meant]


@pytest.mark.parametrize(
    ("text", "rows"),
    [
        ("person == 'p-17'", [0, 3]),
        ("'p-17' == person", [0, 3]),
        ('person == "p-17" and age < 20', [0]),
        ("person != 'p-17'", [1]),
        ("not person == 'p-17'", [1, 2]),
        ("person in ('p-17', 'p-18')", [0, 1, 3]),
        ("person not in ['p-17']", [1]),
        ("person is null", [2]),
        ("person is not null", [0, 1, 3]),
        ("person is None or age is None", [2, 3]),
        ("18 <= age < 41", [1]),
        ("20 > age", [0]),
        ("age < 1000", [0, 1, 2]),
        ("age == 1000", []),
        ("age != -1000", [0, 1, 2]),
        ("age > 29.5", [1, 2]),
        ("age <= 17.0", [0]),
        ("age < 1e999", [0, 1, 2]),
        ("delay == 1.5", [0]),
        ("delay != 1.5", [1, 3]),
        ("delay <= -3", [3]),
        ("delay is null", [2]),
        ("member == true", [0, 3]),
        ("member == False", [1]),
        ("day >= '2013-01-13'", [1, 3]),
        ("seen >= '2013-01-06T12:00'", [1, 3]),
        ("seen < '2013-01-07'", [0, 1]),
        ("seen == '2013-01-06T13:00+01:00'", [1]),
        ("price == 1.5", [0, 3]),
        ("price > 1", [0, 1, 3]),
        ("`arrival delay` > 1", [1, 3]),
        ("person == '`arrival delay`'", []),
        ("photo is null", [1]),
        ("(person == 'p-18' or (age == 41)) and not (delay > 0)", [1, 2]),
    ],
)
def test_these_rows_are_meant(text: str, rows: list[int]) -> None:
    assert chosen(text) == rows
    assert chosen(f" {text}\n") == rows


@pytest.mark.parametrize(
    ("kind", "text"),
    [
        (pa.string_view(), "x == 'a'"),
        (pa.dictionary(pa.int32(), pa.large_string()), "x == 'a'"),
        (pa.null(), "x is null"),
    ],
)
def test_how_a_column_is_encoded_does_not_matter(kind: pa.DataType, text: str) -> None:
    values = [None, None] if pa.types.is_null(kind) else ["a", None]
    table = pa.table({"x": pa.array(values, kind)})
    assert chosen(text, table) == ([0, 1] if pa.types.is_null(kind) else [0])


def test_a_time_without_a_zone_is_utc_whatever_the_zone_of_the_column() -> None:
    noon = datetime(2013, 1, 6, 12, tzinfo=UTC)
    table = pa.table({"at": pa.array([noon, noon + timedelta(hours=1)], pa.timestamp("ns", "Europe/Berlin"))})
    assert chosen("at <= '2013-01-06T12:00'", table) == [0]


def test_a_narrow_float_is_compared_as_it_was_written() -> None:
    for kind in (pa.float16(), pa.float32(), pa.float64()):
        table = pa.table({"x": pa.array([np.float16(0.1), np.float16(0.5)]).cast(pa.float32()).cast(kind)})
        assert chosen("x == 0.5", table) == [1]
    narrow = pa.table({"x": pa.array([0.1], pa.float32())})
    assert chosen("x == 0.1", narrow) == [0]


def test_a_column_that_a_slice_does_not_have_is_null_there() -> None:
    assert chosen("person == 'p-17' and nothing == 3") == []
    assert chosen("nothing is null") == [0, 1, 2, 3]


@pytest.mark.parametrize(
    "text",
    [
        "",
        "   ",
        "person",
        "true",
        "person = 'p-17'",
        "person == 'p-17",
        "person == p-17",
        "person == other",
        "'a' == 'a'",
        "person == null",
        "person is 'p-17'",
        "person in 'p-17'",
        "person in ()",
        "person == b'x'",
        "person == 1j",
        "person == ...",
        "person == f'{age}'",
        "age + 1 == 2",
        "age == 1 + 1",
        "-age == 1",
        "age == -true",
        "len(person) == 4",
        "person.upper() == 'P'",
        "person[0] == 'p'",
        "[x for x in (1, 2)] == age",
        "lambda: person",
        "(person := 'p-17') == 'p-17'",
        "'p' if member == true else 'q'",
        "__import__('os').system('true') == 0",
        "person == 'a'; age == 1",
        "person == 'p-17' # and more",
        "(" * 90 + "age == 1" + ")" * 91,
        "not " * 3000 + "age == 1",
        "age == 1" + " or age == 1" * 3000,
        "age == \x00 1",
    ],
)
def test_anything_but_comparisons_is_refused(text: str) -> None:
    if "#" in text:  # a comment changes nothing
        assert chosen(text) == [0, 3]
        return
    with pytest.raises(BadInput, match="rows="):
        parse(text)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("carrier == 'UA'", "carrier is none of person, age"),
        ("age == '17'", "column age, which is int8, a number"),
        ("person == 17", "column person, which is string, text in quotes"),
        ("age == true", "a number"),
        ("member == 1", "true or false"),
        ("member < true", "== or !="),
        ("day == '6 January'", "an ISO date"),
        ("day == '2013-01-06T12:00'", "an ISO date"),
        ("seen > 3", "an ISO date or time"),
        ("photo == 'x'", "is null"),
        ("person == 'a' and age in (1, 'b')", "age == 'b'"),
    ],
)
def test_what_does_not_fit_the_columns_is_refused_and_named(text: str, message: str) -> None:
    with pytest.raises(BadInput, match=message.replace("|", r"\|")):
        parse(text).check(TABLE.schema)


# --- against pandas ----------------------------------------------------------------------------------

NUMBERS = st.one_of(st.integers(-300, 300), st.sampled_from([0.5, -2.25, 1e9, -1e300]))
TEXTS = st.text(st.characters(codec="utf-8", exclude_characters="\x00"), max_size=4)
OPERATORS = st.sampled_from(["==", "!=", "<", "<=", ">", ">="])
TABLES = st.lists(
    st.tuples(
        st.none() | st.integers(-128, 127),
        st.none() | st.sampled_from([0.5, -2.25, math.nan, math.inf, 1e9]),
        st.none() | TEXTS,
        st.none() | st.booleans(),
    ),
    min_size=1,
    max_size=12,
)


Said = tuple[str, str]
"""A text in our language, and the same in Python's."""


@st.composite
def comparisons(draw: st.DrawFn) -> Said:
    column = draw(st.sampled_from(["i", "f", "s", "b"]))
    if draw(st.integers(0, 5)) == 0:
        no = draw(st.sampled_from(["", "not "]))
        return f"{column} is {no}null", f"({column}.value is {no}None)"
    if column == "b":
        text = f"b {draw(st.sampled_from(['==', '!=']))} {draw(st.sampled_from(['true', 'false']))}"
        return text, text
    values = (TEXTS if column == "s" else NUMBERS).map(repr)
    if draw(st.booleans()):
        text = f"{column} {draw(OPERATORS)} {draw(values)}"
        return text, text
    listed = "(" + "".join(f"{value}, " for value in draw(st.lists(values, min_size=1, max_size=3))) + ")"
    if draw(st.booleans()):
        return f"{column} in {listed}", f"{column} in {listed}"
    return f"{column} not in {listed}", f"({column}.value is not None and not {column} in {listed})"


CONDITIONS = st.recursive(
    comparisons(),
    lambda inner: st.one_of(
        st.tuples(inner, st.sampled_from(["and", "or"]), inner).map(
            lambda it: (f"({it[0][0]} {it[1]} {it[2][0]})", f"({it[0][1]} {it[1]} {it[2][1]})")
        ),
        inner.map(lambda it: (f"(not {it[0]})", f"(not {it[1]})")),
    ),
    max_leaves=6,
)


def as_python(python: str, row: dict[str, Any]) -> bool:
    """What it says of a row, by Python's own evaluation; a comparison with null is false."""

    class Value:
        def __init__(self, value: Any) -> None:
            self.value = value

        def __hash__(self) -> int:
            return 0

        def __eq__(self, other: object) -> bool:
            return self.value is not None and bool(self.value == other)

        def __ne__(self, other: object) -> bool:
            return self.value is not None and bool(self.value != other)

        def __lt__(self, other: Any) -> bool:
            return self.value is not None and self.value < other

        def __le__(self, other: Any) -> bool:
            return self.value is not None and self.value <= other

        def __gt__(self, other: Any) -> bool:
            return self.value is not None and self.value > other

        def __ge__(self, other: Any) -> bool:
            return self.value is not None and self.value >= other

    names: dict[str, Any] = {name: Value(value) for name, value in row.items()}
    return bool(eval(python, {"true": True, "false": False}, names))


@settings(max_examples=400, deadline=None)
@given(TABLES, CONDITIONS)
def test_the_same_rows_as_by_plain_python(rows: list[tuple[Any, ...]], said: Said) -> None:
    columns = list(zip(*rows, strict=True))
    table = pa.table(
        {
            "i": pa.array(columns[0], pa.int8()),
            "f": pa.array(columns[1], pa.float64(), from_pandas=False),
            "s": pa.array(columns[2], pa.string()),
            "b": pa.array(columns[3], pa.bool_()),
        }
    )
    expected = [at for at, row in enumerate(table.to_pylist()) if as_python(said[1], row)]
    assert chosen(said[0], table) == expected


@settings(max_examples=200, deadline=None)
@given(st.lists(st.floats(width=32), min_size=1, max_size=8), OPERATORS, st.floats(-1e6, 1e6))
def test_the_same_rows_of_floats_as_by_pandas(values: list[float], operator: str, bound: float) -> None:
    series = pd.Series(values, dtype="float32")
    said = {"==": "eq", "!=": "ne", "<": "lt", "<=": "le", ">": "gt", ">=": "ge"}[operator]
    expected = getattr(series, said)(bound)
    table = pa.table({"x": pa.array(np.array(values, np.float32))})
    assert chosen(f"x {operator} {bound!r}", table) == list(np.flatnonzero(expected))
