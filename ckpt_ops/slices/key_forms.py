"""How a source writes the times that are its keys."""

from __future__ import annotations

from datetime import datetime

from ckpt_ops.key_times import form_of, time_of
from ckpt_ops.slices.periods import Period
from ckpt_ops.slices.source import SliceSource


def own_form(source: SliceSource) -> str | None:
    """The strftime form of a source's keys, where it has one: `key_format` of files, `period` of tables."""
    form, period = getattr(source, "key_format", None), getattr(source, "period", None)
    if isinstance(form, str):
        return form
    return period.form if isinstance(period, Period) else None


def key_time(source: SliceSource, key: str) -> datetime | None:
    """When the interval of a key begins, in UTC; None when the key is no time in any known form."""
    form = own_form(source) or form_of(key)
    return time_of(key, form) if form else None
