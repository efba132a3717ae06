"""Whose rows are these? By how much times are off the slice that they came under."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ckpt_ops.belonging import Length, Window, describe, length_of, window_of

DAY = Window(start=datetime(2025, 11, 1, tzinfo=UTC), end=datetime(2025, 11, 2, tzinfo=UTC))
HOUR = timedelta(hours=1)


def at(hours: float) -> datetime:
    return DAY.start + hours * HOUR


@pytest.mark.parametrize(
    ("first", "last", "hours"),
    [
        (0, 23.99, 0),
        (8, 9, 0),
        (5, 28.5, 5),  # a whole day of local times, five hours late
        (-5, 18.5, -5),
        (0, 24, None),  # the end is the next slice's, and the span is the whole day's
        (1, 24, 1),
        (24, 47, 24),  # the next day's rows
        (24.5, 25, 24),
        (-168, -145, -168),
        (-100, 100, None),  # a date of birth
        (29.75, 30.25, 24),
    ],
)
def test_the_shift_is_the_roundest_that_puts_all_rows_into_their_slice(
    first: float, last: float, hours: float | None
) -> None:
    assert DAY.shift(at(first), at(last)) == (None if hours is None else hours * HOUR)


@given(st.floats(-500, 500), st.floats(0, 30))
def test_after_the_shift_they_lie_in_it_and_without_one_they_cannot(first: float, span: float) -> None:
    begin, end = at(first), at(first) + span * HOUR
    shift = DAY.shift(begin, end)
    if shift is None:
        assert end - begin >= DAY.end - DAY.start
    else:
        assert DAY.start <= begin - shift
        assert end - shift < DAY.end


@pytest.mark.parametrize(
    ("key", "length", "zone", "hours"),
    [
        ("2025-11-01", Length.DAY, "UTC", 24),
        ("2025-11-02", Length.DAY, "America/New_York", 25),  # the clocks go back
        ("2025-03-09", Length.DAY, "America/New_York", 23),
        ("2025-10-05", Length.DAY, "Australia/Lord_Howe", 23.5),  # by half an hour
        ("2025-11-03", Length.WEEK, "Asia/Kolkata", 168),
        ("2025-02-01", Length.MONTH, "UTC", 28 * 24),
        ("2025-11-01T05", Length.HOUR, "UTC", 1),
        ("2025-11-01", 900, "UTC", 0.25),
    ],
)
def test_a_window_is_as_long_as_the_calendar_says(
    key: str, length: Length | float, zone: str, hours: float
) -> None:
    window = window_of(datetime.fromisoformat(key), length, zone=zone)
    assert (window.end - window.start) / HOUR == hours


def test_the_key_is_read_in_the_zone() -> None:
    window = window_of(datetime(2025, 11, 1), Length.DAY, zone="America/New_York")
    assert window.start == datetime(2025, 11, 1, 4, tzinfo=UTC)


@pytest.mark.parametrize(
    ("shift", "message"),
    [
        (5 * HOUR, "5 hours late"),
        (-5.5 * HOUR, "5 hours 30 minutes early"),
        (timedelta(days=7), "7 days late"),
        (timedelta(days=-1, hours=-1), "1 day 1 hour early"),
    ],
)
def test_a_shift_is_said_as_people_say_it(shift: timedelta, message: str) -> None:
    assert describe(shift) == message


def test_the_length_of_a_slice_is_said_by_the_calendar_where_it_has_a_word() -> None:
    lengths = [length_of(timedelta(days=days)) for days in (1 / 24, 1, 7, 28, 31, 2)]
    assert lengths == [Length.HOUR, Length.DAY, Length.WEEK, Length.MONTH, Length.MONTH, 172_800.0]
