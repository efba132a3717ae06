"""Slices are named by the clocks of the DAG's time zone: from the instants that Airflow counts to keys.

A key says what a clock on the wall shows when its slice begins: 2025-11-01 is the first of November where the
DAG is, and the run whose interval begins there at midnight takes it. Where clocks are changed, days are 23 or
25 hours long and are days all the same. An hour that comes twice is one slice: it is whole when it has come
for the second time, so the run of that interval takes it in, and that of the first finds nothing to do.
"""

from __future__ import annotations

import itertools
from datetime import UTC, datetime, timedelta, tzinfo
from zoneinfo import ZoneInfo

from ckpt_ops.errors import BadInput
from ckpt_ops.slices import SliceSource
from ckpt_ops.slices.periods import Period

_INSTANT = timedelta(microseconds=1)
_WHOLE_HOUR = timedelta(hours=1)
_LOOK_AHEAD = 731  # days


def wall_clock(moment: datetime, zone: tzinfo) -> datetime:
    """What the clocks of a zone show at a moment, as if it were a time in UTC: as keys are read.

    Where clocks are set forward just then, from 02:00 to 03:00, it is 02:00, when the interval before ends:
    where that is done at midnight, a day begins at 00:00 all the same. Set back from 02:00 to 01:00, it is
    01:00.
    """
    at = datetime.fromtimestamp(moment.timestamp(), UTC)
    offsets = [instant.astimezone(zone).utcoffset() or timedelta() for instant in (at - _INSTANT, at)]
    return at + min(offsets)


def on_the_clock(start: datetime, end: datetime, timezone: str) -> tuple[datetime, datetime]:
    """What the clocks of a zone show at both ends of an interval."""
    zone = ZoneInfo(timezone)
    return wall_clock(start, zone), wall_clock(end, zone)


def check_zone(timezone: str, *, schedule: str, source: SliceSource) -> None:
    """Whether slices of a source can be cut and named by the clocks of a zone.

    Raises:
        BadInput: no such zone; one whose clocks are changed by half an hour, for a schedule of hours, as
            Airflow's timetable does not get past that; or a source that cuts its slices in UTC.
    """
    try:
        zone = ZoneInfo(timezone)
    except (KeyError, OSError, TypeError, ValueError):  # a folder of the database, a path, no text at all
        raise BadInput(
            "timezone", timezone, "a name of the IANA database, such as 'America/New_York'"
        ) from None
    if zone.utcoffset(None) == timedelta():
        return
    if isinstance(getattr(source, "period", None), Period):
        raise BadInput(
            "timezone",
            timezone,
            f"'UTC' for source {source.name!r}, which cuts its slices in UTC: by other clocks, a run would "
            "read a slice that is not over",
            next="leave timezone out",
        )
    if _every_hour(schedule) and _half_hours(zone):
        raise BadInput(
            "timezone",
            timezone,
            f"'UTC' for schedule={schedule!r}: clocks there are changed by half an hour, and Airflow cannot "
            "count hours across that",
            next="name hours in UTC and leave timezone out, or let slices be days",
        )


def _every_hour(schedule: str) -> bool:
    fields = schedule.split()
    return schedule == "@hourly" or (len(fields) > 1 and fields[1] in ("*", "*/1"))


def _half_hours(zone: tzinfo) -> bool:
    today = datetime.now(UTC)
    days = (today + timedelta(days=day) for day in range(_LOOK_AHEAD))
    offsets = (day.astimezone(zone).utcoffset() or timedelta() for day in days)
    return any((after - before) % _WHOLE_HOUR for before, after in itertools.pairwise(offsets))
