"""Whether rows belong to their slice: their times lie in [key, next key), or are off by how much.

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
    """How long a slice is, where a number of seconds does not say it."""

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
    """The times of one slice: from `start` up to but without `end`, both aware."""

    start: datetime
    end: datetime

    def shift(self, first: datetime, last: datetime) -> timedelta | None:
        """By how much rows with times from `first` to `last` are off; zero when they lie in the window.

        Of all shifts after which they would lie in it, the roundest: whole days before hours before minutes,
        and the smallest of these. None when they span more than the window, as dates of birth would.
        """
        least, most = last - self.end, first - self.start  # without the first, with the second
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
        clock: as a key is read; its own time zone does not count.
        length: of the slice: a calendar's, or seconds.
        zone: a day there may have 23 or 25 hours.
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
    """How a suite says how long a slice is."""
    if interval in _LENGTHS:
        return _LENGTHS[interval]
    return Length.MONTH if timedelta(days=28) <= interval <= timedelta(days=31) else interval.total_seconds()


def instant(value: datetime | date) -> datetime:
    """Aware, in UTC; a time without a zone is taken for UTC, a date for its midnight."""
    if not isinstance(value, datetime):
        return datetime(value.year, value.month, value.day, tzinfo=UTC)
    return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


def describe(shift: timedelta) -> str:
    """How a shift is said: `5 hours late`, `7 days early`, `5 hours 30 minutes late`."""
    minutes = abs(shift) // timedelta(minutes=1)
    days, rest = divmod(minutes, 24 * 60)
    parts = [
        f"{count} {name}" if count == 1 else f"{count} {name}s"
        for count, name in ((days, "day"), (rest // 60, "hour"), (rest % 60, "minute"))
        if count
    ]
    return f"{' '.join(parts)} {'late' if shift > timedelta() else 'early'}"
