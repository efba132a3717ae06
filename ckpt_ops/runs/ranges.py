"""A range of slices, as a person writes it: keys, dates, or times where slices are shorter than a day."""

from __future__ import annotations

from contextlib import suppress
from datetime import UTC, datetime, timedelta

from ckpt_ops.errors import BadInput
from ckpt_ops.key_times import form_of, time_of

_DATE = len("2013-01-06")
_DAY = timedelta(days=1) - timedelta(microseconds=1)
_MINUTE = timedelta(minutes=1) - timedelta(microseconds=1)


def first_moment(field: str, text: str) -> datetime:
    """The first moment that a date or a time means, in UTC. Raises `BadInput` naming the field."""
    form = form_of(text)
    if form is not None and (found := time_of(text, form)) is not None:
        return found
    with suppress(ValueError):
        found = datetime.fromisoformat(text)
        if found.tzinfo is None and 1900 <= found.year < 2200:  # as in keys that are times
            return found.replace(tzinfo=UTC)
    raise BadInput(
        field,
        text,
        "a slice's key, a date of the years 1900 to 2199, such as 2013-01-06, or a time in UTC, such as "
        "2013-01-06T08:30",
    )


def last_moment(field: str, text: str) -> datetime:
    """The last moment that a date, a minute or a second means. Raises `BadInput` naming the field."""
    found = first_moment(field, text)
    if len(text) <= _DATE:  # a date, or a key that begins on one
        return found + _DAY
    return found + (
        _MINUTE if not found.second and not found.microsecond else timedelta(microseconds=999_999)
    )
