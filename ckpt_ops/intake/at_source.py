"""What a source has, compared with what was taken in: which slices, which content, and which are missing.

No rows are read and nothing is written.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from ckpt_ops.errors import BadInput, ObjectNotFound
from ckpt_ops.key_times import form_of, time_of
from ckpt_ops.lineage import LineageState
from ckpt_ops.lineage.spacing import AT_MOST
from ckpt_ops.pipeline.intake import Intake
from ckpt_ops.slices import SliceSource, load_manifest
from ckpt_ops.slices.key_forms import key_time
from ckpt_ops.slices.pull import pulled_revision
from ckpt_ops.store import Store


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


def time_of_key(key: str | None) -> datetime | None:
    """The time, in UTC, that a key stands for; None when its form is not known."""
    form = form_of(key) if key is not None else None
    return time_of(key, form) if key is not None and form else None
