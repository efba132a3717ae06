"""Keys that stand for times: the start of their data interval, in UTC, in a strftime form."""

from __future__ import annotations

import functools
from datetime import datetime

from ckpt_ops.time_forms import TimeForm

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
"""The forms that are recognised by themselves, the finest first. All sort in time."""


def time_of(key: str, form: str) -> datetime | None:
    """The time, in UTC, that a key stands for; None when it is not written as `form`.

    Raises `BadInput` for a form that holds no time.
    """
    return _form(form).read(key)


def form_of(key: str) -> str | None:
    """The common form in which a key is a time of the years 1900 to 2199."""
    for form in COMMON:
        time = time_of(key, form)
        if time is not None and 1900 <= time.year < 2200:
            return form
    return None


@functools.lru_cache(maxsize=64)
def _form(form: str) -> TimeForm:
    return TimeForm(form=form)
