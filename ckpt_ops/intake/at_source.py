"""What a source has beside what was taken in: which slices, in which content, and which are missing.

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
"""Slices of a range."""


def keys_between(intake: Intake, first: str | None = None, last: str | None = None) -> list[str]:
    """The keys that the source has from `first` to `last`, both included, in order; None: without a bound.

    Raises:
        BadInput: the bounds are in the wrong order, or there are too many slices between them.
        SourceUnavailable and the like: as the source's `keys`.
    """
    if first is not None and last is not None and last < first:
        raise BadInput("--to", last, f"not before --from {first}")
    start = time_of_key(first) or datetime(1900, 1, 1, tzinfo=UTC)
    end = time_of_key(last) or datetime.now(UTC) + timedelta(days=366)
    there = [
        key
        for key in intake.source.keys(start, max(start, end) + timedelta(microseconds=1))
        if (first is None or first <= key) and (last is None or key <= last)
    ]
    if len(there) > AT_MOST:
        raise BadInput(
            "--from/--to",
            f"{len(there):,} slices",
            f"a range of at most {AT_MOST:,}",
            next=f"--from {there[0]} --to {there[AT_MOST - 1]}, and on from there",
        )
    return there


def revision_at_source(intake: Intake, store: Store, state: LineageState, key: str) -> str | None:
    """The revision that a pull of the slice would find; None when it would have to read it.

    Raises as the source's `fingerprint`.
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
    """Keys that should be there, as far as those that are tell how a time is written, and how often.

    Args:
        first, last: no key of another time is expected; None: none before or after `keys`.
        starts: when slices begin; None: told by the spacing of `keys`, where it is regular.
        form: of keys, where the source has one; None: told by `keys`.
        reaches: so told, they go on to `first` and `last`, and do not end with `keys`.
    """
    there = set(keys)
    forms = {form_of(key) for key in there}
    form = form or (forms.pop() if len(forms) == 1 else None)
    if form is None:
        return []
    if starts is None:
        times = sorted(time for key in there if (time := time_of(key, form)) is not None)
        starts = _regular(times, form, *((first, last) if reaches else (None, None)))
    return [
        utc(start).strftime(form)
        for start in starts
        if (first is None or first <= utc(start)) and (last is None or utc(start) <= last)
    ]


def time_of_key(key: str | None) -> datetime | None:
    """The time, in UTC, that a key stands for by its form; None when it is of no form that is known."""
    form = form_of(key) if key is not None else None
    return time_of(key, form) if key is not None and form else None


def _regular(
    times: Sequence[datetime], form: str, first: datetime | None, last: datetime | None
) -> list[datetime]:
    """The starts from the first to the last of `times`, when they are regular but for gaps.

    Args:
        first, last: they go on as far as this, where it is further.
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
