"""Slices that are periods of time: keys for sources that have no files to name them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from enum import StrEnum

from ckpt_ops import checks
from ckpt_ops.errors import UNTOUCHED, BadInput, SliceMissing
from ckpt_ops.slices.again import TRIED_AGAIN
from ckpt_ops.slices.identity import check_key


class Period(StrEnum):
    """How long a slice is. Its key is its first moment, UTC."""

    HOUR = "hour"
    DAY = "day"
    WEEK = "week"  # from Monday
    MONTH = "month"

    @property
    def form(self) -> str:
        """The key's strftime form."""
        return {Period.HOUR: "%Y-%m-%dT%H", Period.MONTH: "%Y-%m"}.get(self, "%Y-%m-%d")

    def floor(self, time: datetime) -> datetime:
        """The first moment of the period that `time` lies in."""
        start = utc(time).replace(minute=0, second=0, microsecond=0)
        if self is Period.HOUR:
            return start
        start = start.replace(hour=0)
        if self is Period.WEEK:
            return start - timedelta(days=start.weekday())
        return start.replace(day=1) if self is Period.MONTH else start

    def end(self, start: datetime) -> datetime:
        """Where the period that begins at `start` ends."""
        if self is Period.MONTH:
            return (start + timedelta(days=31)).replace(day=1)
        return start + {Period.HOUR: timedelta(hours=1), Period.WEEK: timedelta(days=7)}.get(
            self, timedelta(days=1)
        )

    def key(self, start: datetime) -> str:
        """The key of the period that begins at `start`."""
        return start.strftime(self.form)

    def bounds(self, key: str) -> tuple[datetime, datetime]:
        """First moment of the slice and of the next. Raises `BadInput` for what is no key."""
        try:
            start = datetime.strptime(check_key(key), self.form).replace(tzinfo=UTC)
        except ValueError:
            start = None
        if start is None or self.floor(start) != start or self.key(start) != key:
            example = self.key(self.floor(datetime(2013, 1, 7, tzinfo=UTC)))
            raise BadInput(
                "slice key", key, f"the start of a {self.value} as {self.form}, such as {example!r}"
            )
        return start, self.end(start)

    def starts(self, start: datetime, end: datetime) -> list[datetime]:
        """First moments in [start, end), or `start` itself when both are equal. Raises `BadInput`."""
        first, last = utc(start), utc(end)
        if last < first:
            raise BadInput("end", end.isoformat(), f"not before start={start.isoformat()}")
        at = self.floor(first)
        at = at if at == first else self.end(at)
        found = []
        while at < last or at == first == last:
            found.append(at)
            at = self.end(at)
        return found


def check_period(period: object) -> None:
    """Raises `BadInput` for what is no `Period`, such as its name as text."""
    checks.member("period", period, Period)


def no_rows(source: str, key: str, table: str) -> SliceMissing:
    """The error for a slice of which a table has no row."""
    return SliceMissing(
        f"source {source!r} has no slice {key}: {table} has no row of it",
        safe=UNTOUCHED,
        next=f"wait for it to come: {TRIED_AGAIN}",
    )


def utc(time: datetime) -> datetime:
    """Aware, in UTC; a naive time is UTC already."""
    return time.replace(tzinfo=UTC) if time.tzinfo is None else time.astimezone(UTC)
