"""Keys that stand for times: the start of their data interval, in UTC, in a strftime form."""

from __future__ import annotations

import re
from datetime import UTC, datetime

COMMON = (
    "%Y-%m-%dT%H-%M",
    "%Y-%m-%dT%H%M",
    "%Y%m%dT%H%M",
    "%Y%m%d%H%M",
    "%Y-%m-%dT%H",
    "%Y%m%dT%H",
    "%Y%m%d%H",
    "%Y-%m-%d",
    "%Y_%m_%d",
    "%Y%m%d",
    "%G-W%V",
    "%Y-%m",
)
"""The forms that are recognised by themselves, the most telling first. All sort in time."""

_DIRECTIVES = {"Y": r"\d{4}", "G": r"\d{4}", "j": r"\d{3}"} | dict.fromkeys("mdHMSyVUW", r"\d{2}")


def pattern_of(form: str) -> str:
    """A regular expression that every key of a form matches; some that are no time match, too."""
    pieces = re.split(r"%(.)", form)  # literal, directive, literal ...
    return "".join(
        _DIRECTIVES.get(piece, "[^/]+?") if at % 2 else re.escape(piece) for at, piece in enumerate(pieces)
    )


def time_of(key: str, form: str) -> datetime | None:
    """The time, in UTC, that a key stands for; None when it is not written as `form`."""
    try:
        # without a weekday, strptime reads no week of the ISO year
        iso = "%G" in form and "%u" not in form
        time = datetime.strptime(f"{key} 1" if iso else key, f"{form} %u" if iso else form)
    except ValueError:
        return None
    time = time.replace(tzinfo=UTC)
    return time if time.strftime(form) == key else None


def form_of(key: str) -> str | None:
    """The common form in which a key is a time of the years 1900 to 2199."""
    for form in COMMON:
        time = time_of(key, form)
        if time is not None and 1900 <= time.year < 2200:
            return form
    return None
