"""The newest rows of a slice are held out: a function of one column, which never tells equal values apart."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from math import ceil, isnan
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ckpt_ops.training import Latest
from ckpt_ops.training.latest import has_order, ordered_columns

BEGAN = datetime(2013, 1, 6, tzinfo=UTC)
TIMES = pa.timestamp("us", tz="UTC")

quick = settings(max_examples=200, deadline=None)
shares = st.floats(0.01, 0.99)
hours = st.lists(st.none() | st.integers(0, 12) | st.integers(-(10**5), 10**5), max_size=60)
numbers = st.lists(st.none() | st.floats(width=32) | st.integers(0, 3).map(float), max_size=60)


def held(share: float, values: Any, kind: pa.DataType | None = None) -> list[bool]:
    return Latest(share, by="at").mask(pa.array(values, kind)).tolist()


def times(values: list[int | None]) -> pa.Array:
    return pa.array([None if hour is None else BEGAN + timedelta(hours=hour) for hour in values], TIMES)


def as_it_is_said(share: float, values: list[Any]) -> list[bool]:
    """What the docstring says, by counting: slow, and nothing of Arrow in it."""
    known = [value for value in values if value is not None and not isnan(value)]
    newest = ceil(share * len(known))
    return [
        value in known and value > min(known) and sum(other > value for other in known) < newest
        for value in values
    ]


@quick
@given(shares, hours)
def test_times_are_held_out_as_is_said(share: float, values: list[int | None]) -> None:
    assert Latest(share, by="at").mask(times(values)).tolist() == as_it_is_said(share, values)


@quick
@given(shares, numbers)
def test_numbers_are_held_out_as_is_said_infinity_and_nan_too(
    share: float, values: list[float | None]
) -> None:
    for kind in (pa.float64(), pa.float32()):
        assert held(share, values, kind) == as_it_is_said(share, values)


@quick
@given(shares, hours.filter(lambda values: len({*values} - {None}) > 1))
def test_what_is_trained_on_is_older_than_all_that_is_held_out(
    share: float, values: list[int | None]
) -> None:
    mask = Latest(share, by="at").mask(times(values)).tolist()
    of = [[hour for hour, out in zip(values, mask, strict=True) if out is side] for side in (True, False)]
    out, trained = ([hour for hour in side if hour is not None] for side in of)
    assert out, "something evaluates"
    assert trained, "something trains"
    assert max(trained) < min(out)
    assert None not in of[0]


@quick
@given(shares, hours, st.data())
def test_neither_the_order_of_rows_nor_the_row_groups_decide(
    share: float, values: list[int | None], data: st.DataObject
) -> None:
    latest = Latest(share, by="at")
    mask = latest.mask(times(values))
    order = data.draw(st.permutations(range(len(values))))
    np.testing.assert_array_equal(latest.mask(times([values[at] for at in order])), mask[list(order)])
    cut = data.draw(st.integers(0, len(values)))
    pieces = pa.chunked_array([times(values[:cut]), times(values[cut:])])
    np.testing.assert_array_equal(latest.mask(pieces), mask)


@quick
@given(st.floats(0.01, 0.5), st.floats(0.5, 0.99), hours)
def test_a_larger_share_holds_the_same_rows_out_and_more(
    less: float, more: float, values: list[int | None]
) -> None:
    assert not np.any(Latest(less, by="at").mask(times(values)) & ~Latest(more, by="at").mask(times(values)))


@pytest.mark.parametrize(
    ("values", "out"),
    [
        ([1, 2, 3, 4, 5], [5]),
        ([1, 2, 3, 4, 5, 6], [5, 6]),  # a fifth of six, rounded up
        ([1, 2, 3, 3, 3], [3, 3, 3]),  # equal values stay on one side
        ([1, 1, 1, 1, 2], [2]),
        ([1, 1, 1, 1, 1, 1, 2], [2]),  # the oldest are trained on, though a fifth is more than one
        ([None, 1, 2, None, None], [2]),  # a fifth of the rows that have a value
        ([7, 7, 7], []),  # none is newer than another
        ([7, None], []),
        ([None, None], []),
        ([], []),
    ],
)
def test_a_fifth_by_a_column_with_ties_and_nulls(values: list[int | None], out: list[int]) -> None:
    mask = held(0.2, values, pa.int64())
    assert [value for value, one in zip(values, mask, strict=True) if one] == out


@pytest.mark.parametrize(
    "column",
    [
        pa.array([date(2013, 1, 6), date(2013, 1, 7)]),
        pa.array([BEGAN.replace(tzinfo=None), BEGAN.replace(tzinfo=None, hour=1)], pa.timestamp("ns")),
        pa.array([2**53, 2**53 + 1], pa.int64()),  # alike as floats
        pa.array([0, 2**64 - 1], pa.uint64()),
        pa.array([Decimal("1.10"), Decimal("1.11")]),
        pa.array(np.array([1.0, 2.0], np.float16)),
        pa.array([5, 6]).dictionary_encode(),
    ],
    ids=lambda column: str(column.type),
)
def test_every_type_that_has_an_order_is_told_apart_to_the_last_digit(column: pa.Array) -> None:
    assert has_order(column.type)
    assert Latest(0.2, by="at").mask(column).tolist() == [False, True]


def test_text_flags_and_lists_have_no_order() -> None:
    schema = pa.schema(
        [
            ("text", pa.string()),
            ("flag", pa.bool_()),
            ("list", pa.list_(pa.int64())),
            ("encoded", pa.dictionary(pa.int32(), pa.string())),
            ("of_day", pa.time64("us")),  # says nothing of the day
            ("at", TIMES),
            ("number", pa.float64()),
        ]
    )
    assert ordered_columns(schema) == ["at", "number"]
