"""Which slices there should be by the spacing of those that there are."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta

from ckpt_ops.key_times import form_of, time_of

AT_MOST = 20_000
"""The most slices in a range."""
_MONTH = "%Y-%m"


def expected_keys(
    keys: Iterable[str],
    first: datetime | None = None,
    last: datetime | None = None,
    *,
    starts: Sequence[datetime] | None = None,
    form: str | None = None,
    reaches: bool = False,
) -> list[str]:
    """The keys that should exist, as far as `keys` show how a time is written, and how often.

    Args:
        first, last: no key outside these times is expected; None: with `starts`, no bound; else
            none before or after `keys`.
        starts: when slices begin; None: inferred from the spacing of `keys`, where it is regular.
        form: how the source writes keys, where it has a form; None: inferred from `keys`.
        reaches: inferred starts go on to `first` and `last` instead of ending with `keys`.
    """
    known = set(keys)
    forms = {form_of(key) for key in known}
    form = form or (forms.pop() if len(forms) == 1 else None)
    if form is None:
        return []
    if starts is None:
        times = sorted(time for key in known if (time := time_of(key, form)) is not None)
        starts = _regular(times, form, *((first, last) if reaches else (None, None)))
    return [
        _utc(start).strftime(form)
        for start in starts
        if (first is None or first <= _utc(start)) and (last is None or _utc(start) <= last)
    ]


def _regular(
    times: Sequence[datetime], form: str, first: datetime | None, last: datetime | None
) -> list[datetime]:
    """The starts from the first to the last of `times`, when these are regular apart from gaps.

    Args:
        first, last: the starts go on to here, where it is further.
    """
    if len(times) < 3:
        return []
    low, high = min(first or times[0], times[0]), max(last or times[-1], times[-1])
    if form == _MONTH:
        return _months(low, high)
    gaps = [after - before for before, after in itertools.pairwise(times)]
    step = min(gaps)
    if any(gap % step for gap in gaps) or (high - low) // step > AT_MOST:
        return []
    before, after = (times[0] - low) // step, (high - times[0]) // step
    return [times[0] + at * step for at in range(-before, after + 1)]


def _months(low: datetime, high: datetime) -> list[datetime]:
    """The first moments of months in [low, high]."""
    found = []
    at = low.replace(day=1, hour=0, minute=0, second=0, microsecond=0)
    while at <= high:
        if at >= low:
            found.append(at)
        at = (at + timedelta(days=31)).replace(day=1)
    return found


def _utc(time: datetime) -> datetime:
    """Aware, in UTC; a naive time is UTC already."""
    return time.replace(tzinfo=UTC) if time.tzinfo is None else time.astimezone(UTC)
