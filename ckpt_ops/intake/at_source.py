"""What a source has, compared with what was taken in: which slices, which content, and which are missing.

No rows are read and nothing is written.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta

from ckpt_ops.errors import BadInput, ObjectNotFound
from ckpt_ops.lineage import LineageState
from ckpt_ops.pipeline.intake import Intake
from ckpt_ops.slices import SliceSource, load_manifest
from ckpt_ops.slices.key_forms import key_time
from ckpt_ops.slices.periods import Period, utc
from ckpt_ops.slices.pull import pulled_revision
from ckpt_ops.slices.times import form_of, time_of
from ckpt_ops.store import Store

AT_MOST = 2_000
"""The most slices in a range."""


def keys_between(intake: Intake, first: str | None = None, last: str | None = None) -> list[str]:
    """The source's keys from `first` to `last`, both included, in order; None: no bound.

    Raises:
        BadInput: the bounds are in the wrong order, or there are too many slices between them.
        SourceUnavailable and others: as the source's `keys` raises them.
    """
    if first is not None and last is not None and last < first:
        raise BadInput("--to", last, f"a key not before --from {first}")
    start = time_of_key(first) or datetime(1900, 1, 1, tzinfo=UTC)
    end = time_of_key(last) or datetime.now(UTC) + timedelta(days=366)
    found = [
        key
        for key in intake.source.keys(start, max(start, end) + timedelta(microseconds=1))
        if (first is None or first <= key) and (last is None or key <= last)
    ]
    if len(found) > AT_MOST:
        raise BadInput(
            "--from/--to",
            f"{len(found):,} slices",
            f"a range of at most {AT_MOST:,}",
            next=f"use --from {found[0]} --to {found[AT_MOST - 1]}, then continue after that key",
        )
    return found


def revision_at_source(intake: Intake, store: Store, state: LineageState, key: str) -> str | None:
    """The revision that a pull of the slice would find; None when the pull would have to read the slice.

    Raises what the source's `fingerprint` raises.
    """
    entry = state.slices.get(key)
    if entry is not None:
        try:
            pulled = load_manifest(store, intake.source.name, key, entry.pulled)
        except ObjectNotFound:
            return None
        if pulled.fingerprint == intake.source.fingerprint(key):
            return entry.pulled
    return pulled_revision(store, intake.source, key)


def within(source: SliceSource, key: str, start: datetime, end: datetime) -> bool:
    """Whether the key is a time from `start` to `end`, both included."""
    time = key_time(source, key)
    return time is not None and start <= time <= end


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
        utc(start).strftime(form)
        for start in starts
        if (first is None or first <= utc(start)) and (last is None or utc(start) <= last)
    ]


def time_of_key(key: str | None) -> datetime | None:
    """The time, in UTC, that a key stands for; None when its form is not known."""
    form = form_of(key) if key is not None else None
    return time_of(key, form) if key is not None and form else None


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
    if form == Period.MONTH.form:
        return Period.MONTH.starts(low, high + timedelta(microseconds=1))
    gaps = [after - before for before, after in itertools.pairwise(times)]
    step = min(gaps)
    if any(gap % step for gap in gaps) or (high - low) // step > AT_MOST:
        return []
    before, after = (times[0] - low) // step, (high - times[0]) // step
    return [times[0] + at * step for at in range(-before, after + 1)]
