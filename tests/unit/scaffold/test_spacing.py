"""How often slices come, from when those that are there begin."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from ckpt_ops.errors import BadInput
from ckpt_ops.scaffold.spacing import spacing_of

SUNDAY = datetime(2013, 1, 6, tzinfo=UTC)
DAY, HOUR = timedelta(days=1), timedelta(hours=1)


@pytest.mark.parametrize(
    ("times", "key_format", "cron", "weekday"),
    [
        ([SUNDAY, SUNDAY + DAY, SUNDAY + 2 * DAY], "%Y-%m-%d", "0 0 * * *", None),
        ([SUNDAY + DAY, SUNDAY + 5 * DAY, SUNDAY + 8 * DAY], "%Y-%m-%d", "0 0 * * *", None),
        ([SUNDAY, SUNDAY + 7 * DAY, SUNDAY + 21 * DAY], "%Y-%m-%d", "0 0 * * 0", 6),
        ([SUNDAY + 2 * DAY, SUNDAY + 9 * DAY], "%Y%m%d", "0 0 * * 2", 1),
        ([SUNDAY + DAY], "%G-W%V", "0 0 * * 1", 0),
        ([datetime(2013, 1, 1, tzinfo=UTC)], "%Y-%m", "0 0 1 * *", None),
        ([datetime(2013, month, 1, tzinfo=UTC) for month in (1, 2, 4)], "%Y-%m-%d", "0 0 1 * *", None),
        ([SUNDAY, SUNDAY + HOUR, SUNDAY + 3 * HOUR], "%Y-%m-%dT%H", "0 * * * *", None),
        ([SUNDAY, SUNDAY + 6 * HOUR, SUNDAY + 18 * HOUR], "%Y-%m-%dT%H", "0 */6 * * *", None),
        ([SUNDAY + HOUR, SUNDAY + 7 * HOUR], "%Y-%m-%dT%H", "0 1-23/6 * * *", None),
        ([SUNDAY + 4 * HOUR, SUNDAY + 4 * HOUR + DAY], "%Y-%m-%dT%H", "0 4 * * *", None),
    ],
)
def test_a_schedule_is_found(times: list[datetime], key_format: str, cron: str, weekday: int | None) -> None:
    found = spacing_of(times, key_format)
    assert (found.cron, found.weekday) == (cron, weekday)


@pytest.mark.parametrize(
    ("given", "cron", "weekday"),
    [
        ("hourly", "0 * * * *", None),
        ("daily", "0 0 * * *", None),
        ("weekly", "0 0 * * 0", 6),
        ("monthly", "0 0 1 * *", None),
        ("*/15 * * * *", "*/15 * * * *", None),
    ],
)
def test_a_person_may_say_it(given: str, cron: str, weekday: int | None) -> None:
    found = spacing_of([SUNDAY], "%Y-%m-%d", schedule=given)
    assert (found.cron, found.weekday) == (cron, weekday)


@pytest.mark.parametrize(
    ("times", "given", "message"),
    [
        ([SUNDAY], None, "--schedule daily"),
        ([SUNDAY, SUNDAY + timedelta(minutes=15)], None, "*/15 * * * *"),
        ([SUNDAY], "sometimes", "hourly, daily, weekly, monthly, or a cron expression"),
        ([SUNDAY, SUNDAY + DAY], "weekly", "several days of the week"),
    ],
)
def test_what_cannot_be_told_is_asked(times: list[datetime], given: str | None, message: str) -> None:
    with pytest.raises(BadInput, match="--schedule") as caught:
        spacing_of(times, "%Y-%m-%d", schedule=given)
    assert message in str(caught.value)
