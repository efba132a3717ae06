"""Whether rows belong to their slice: their times lie in [key, next key), or how far they are off.

Pure: values in, values out.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from enum import StrEnum
from zoneinfo import ZoneInfo

_UNITS = (timedelta(days=1), timedelta(hours=1), timedelta(minutes=15), timedelta(minutes=1))
_MICROSECOND = timedelta(microseconds=1)


class Length(StrEnum):
    """How long a slice is, as a unit of the calendar."""

    HOUR = "hour"
    DAY = "day"
    WEEK = "week"
    MONTH = "month"


_LENGTHS = {
    timedelta(hours=1): Length.HOUR,
    timedelta(days=1): Length.DAY,
    timedelta(weeks=1): Length.WEEK,
}


@dataclass(frozen=True, kw_only=True)
class Window:
    """The times of one slice: from `start` to before `end`, both with a time zone."""

    start: datetime
    end: datetime

    def shift(self, first: datetime, last: datetime) -> timedelta | None:
        """How far rows with times from `first` to `last` are off; zero when they lie in the window.

        Of all shifts that would move them into it, the roundest: whole days before hours before minutes,
        and the smallest of these. None when they span more than the window, as dates of birth would.
        """
        least, most = last - self.end, first - self.start  # exclusive, inclusive
        if least >= most:
            return None
        if least < timedelta() <= most:
            return timedelta()
        for unit in _UNITS:
            found = most // unit * unit if most < timedelta() else (least // unit + 1) * unit
            if least < found <= most:
                return found
        return most if most < timedelta() else least + _MICROSECOND


def window_of(clock: datetime, length: Length | float, *, zone: str = "UTC") -> Window:
    """The window of the slice that begins when the clocks of a zone show `clock`.

    Args:
        clock: the time that a key names; its own time zone is ignored.
        length: of the slice: a unit of the calendar, or seconds.
        zone: of the clocks; a day there may have 23 or 25 hours.
    """
    start = clock.replace(tzinfo=ZoneInfo(zone))
    # wall-clock arithmetic: midnight to midnight, whatever the clocks did between
    if length == Length.MONTH:
        end = (start.replace(day=1) + timedelta(days=32)).replace(day=1)
    elif length in (Length.DAY, Length.WEEK):
        end = start + timedelta(days=1 if length == Length.DAY else 7)
    else:
        seconds = 3600.0 if length == Length.HOUR else float(length)
        return Window(start=start.astimezone(UTC), end=start.astimezone(UTC) + timedelta(seconds=seconds))
    return Window(start=start.astimezone(UTC), end=end.astimezone(UTC))


def length_of(interval: timedelta) -> Length | float:
    """The length of a slice in the form that suites use."""
    if interval in _LENGTHS:
        return _LENGTHS[interval]
    return Length.MONTH if timedelta(days=28) <= interval <= timedelta(days=31) else interval.total_seconds()


def instant(value: datetime | date) -> datetime:
    """The time in UTC, with its zone; a time without a zone counts as UTC, a date as its midnight."""
    if not isinstance(value, datetime):
        return datetime(value.year, value.month, value.day, tzinfo=UTC)
    return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


def describe(shift: timedelta) -> str:
    """A shift as text: `5 hours late`, `7 days early`, `5 hours 30 minutes late`."""
    minutes = abs(shift) // timedelta(minutes=1)
    days, rest = divmod(minutes, 24 * 60)
    parts = [
        f"{count} {name}" if count == 1 else f"{count} {name}s"
        for count, name in ((days, "day"), (rest // 60, "hour"), (rest % 60, "minute"))
        if count
    ]
    return f"{' '.join(parts)} {'late' if shift > timedelta() else 'early'}"
