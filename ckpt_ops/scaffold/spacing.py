"""How often slices come: from the times of those that are there to a schedule."""

from __future__ import annotations

import calendar
import itertools
import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from ckpt_ops.errors import BadInput

_HOUR, _DAY, _WEEK = timedelta(hours=1), timedelta(days=1), timedelta(weeks=1)
NAMED = ("hourly", "daily", "weekly", "monthly")


@dataclass(frozen=True, kw_only=True)
class Spacing:
    """A schedule.

    Attributes:
        cron: whose intervals hold one slice each.
        weekday: on which every slice begins, 0 for Monday to 6 for Sunday; None: any.
        interval: about how long one is.
        message: how it is known.
    """

    cron: str
    weekday: int | None
    interval: timedelta
    message: str


def spacing_of(times: Sequence[datetime], key_format: str, *, schedule: str | None = None) -> Spacing:
    """The schedule that cuts time into these slices.

    Args:
        times: when they begin, in order, each once.
        key_format: some forms decide it alone: a month is a month.
        schedule: as a person gave it: hourly, daily, weekly, monthly or a cron expression.

    Raises:
        BadInput: it cannot be told.
    """
    if schedule is not None:
        return _given(times, schedule)
    gaps = [after - before for before, after in itertools.pairwise(times)]
    if "%V" in key_format:
        return _weekly(times, "keys are weeks")
    if "%d" not in key_format and "%j" not in key_format and "%m" in key_format:
        return _monthly("keys are months")
    if not gaps:
        raise BadInput(
            "--schedule",
            None,
            f"one of {', '.join(NAMED)} or a cron expression: one slice does not say when the next is due",
            next="--schedule daily",
        )
    if min(gaps) < _DAY or any(time.hour for time in times):
        return _hours(times, gaps)
    if all(time.day == 1 for time in times) and min(gaps) >= timedelta(days=28):
        return _monthly(f"{len(times)} slices begin on the first of a month")
    if all(gap % _WEEK == timedelta() for gap in gaps):
        return _weekly(times, f"{len(times)} slices begin on a {calendar.day_name[times[0].weekday()]}")
    return Spacing(cron="0 0 * * *", weekday=None, interval=_DAY, message=f"{len(times)} slices are days")


def _hours(times: Sequence[datetime], gaps: Sequence[timedelta]) -> Spacing:
    if any(time.minute or time.second for time in times):
        raise BadInput(
            "--schedule",
            None,
            "a cron expression: slices do not begin on the hour",
            next="--schedule '*/15 * * * *', or as often as they come",
        )
    step = math.gcd(*(int(gap / _HOUR) for gap in gaps))
    first = times[0].hour
    if step % 24 == 0:
        return Spacing(
            cron=f"0 {first} * * *", weekday=None, interval=_DAY, message=f"slices are days from {first}:00"
        )
    if 24 % step == 0 and step > 1:
        hours = f"{first % step}-23/{step}" if first % step else f"*/{step}"
        return Spacing(
            cron=f"0 {hours} * * *",
            weekday=None,
            interval=step * _HOUR,
            message=f"{len(times)} slices are {step} hours apart",
        )
    return Spacing(cron="0 * * * *", weekday=None, interval=_HOUR, message=f"{len(times)} slices are hours")


def _weekly(times: Sequence[datetime], message: str) -> Spacing:
    weekday = times[0].weekday()
    return Spacing(cron=f"0 0 * * {(weekday + 1) % 7}", weekday=weekday, interval=_WEEK, message=message)


def _monthly(message: str) -> Spacing:
    return Spacing(cron="0 0 1 * *", weekday=None, interval=timedelta(days=31), message=message)


def _given(times: Sequence[datetime], schedule: str) -> Spacing:
    message = "as --schedule says"
    if schedule == "hourly":
        return Spacing(cron="0 * * * *", weekday=None, interval=_HOUR, message=message)
    if schedule == "daily":
        return Spacing(cron="0 0 * * *", weekday=None, interval=_DAY, message=message)
    if schedule == "weekly":
        if len({time.weekday() for time in times}) > 1:
            raise BadInput("--schedule", schedule, "another one: slices begin on several days of the week")
        return _weekly(times, message)
    if schedule == "monthly":
        return _monthly(message)
    if len(schedule.split()) != 5:
        raise BadInput("--schedule", schedule, f"{', '.join(NAMED)}, or a cron expression of five fields")
    gaps = [after - before for before, after in itertools.pairwise(times)]
    return Spacing(cron=schedule, weekday=None, interval=min(gaps, default=_DAY), message=message)
