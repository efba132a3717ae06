"""What a run would do with each slice of an intake, and which slices are missing, late or not pulled yet."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from enum import StrEnum

from ckpt_ops.errors import SliceMissing
from ckpt_ops.intake.at_source import keys_between, revision_at_source, time_of_key
from ckpt_ops.lineage import LineageState, ModelLog
from ckpt_ops.lineage.spacing import expected_keys
from ckpt_ops.pipeline.intake import Intake
from ckpt_ops.store import Store


class Arrival(StrEnum):
    """What a run would do with a slice of an intake."""

    PULL = "pull"  # it is at the source and was never pulled
    LATE = "pull, late"  # likewise, and newer ones were taken in already
    AGAIN = "pull again"  # it has changed at the source since
    VALIDATE = "validate"  # it was pulled and not evaluated yet
    SKIP = "skip"  # it has not changed since it was evaluated
    MISSING = "missing"  # the source does not have it


@dataclass(frozen=True, kw_only=True)
class SliceArrival:
    """A slice of the range.

    Attributes:
        action: what a run would do.
        status: by validation or a person's decision; None when it was never evaluated.
        revision, rows: of what was evaluated.
    """

    key: str
    action: Arrival
    why: str
    status: str | None = None
    revision: str | None = None
    rows: int | None = None


def plan_intake(
    intake: Intake,
    store: Store,
    first: str | None = None,
    last: str | None = None,
    *,
    progress: Callable[[int, int], None] = lambda done, of: None,
) -> list[SliceArrival]:
    """Each slice that is at the source, was taken in, or should be there by their spacing, in key order.

    Where a bound is given, slices are expected up to it: those that stopped coming are missing.

    Nothing is written and no rows are read.

    Args:
        first, last: keys, both included; None: without a bound.
        progress: called after each slice with how many of how many are looked at.

    Raises:
        BadInput: the range ends before it begins, or holds too many slices.
        SourceUnavailable, StoreUnavailable and the like: as the source's `keys` and `fingerprint`.
    """
    state = ModelLog(store, intake.name).state()
    there = keys_between(intake, first, last)
    known = [key for key in state.slices if (first or key) <= key <= (last or key)]
    newest = max(state.slices, default="")
    found = {}
    for at, key in enumerate(there, start=1):
        with suppress(SliceMissing):  # it went away while we looked: it is missing
            found[key] = _of(state, key, *_action(intake, store, state, key, newest))
        progress(at, len(there))
    should_be = expected_keys({*there, *known}, time_of_key(first), time_of_key(last), reaches=True)
    for key in {*known, *should_be} - found.keys():
        gone = key in state.slices
        why = "not at the source any more; what was taken in stands" if gone else "not at the source"
        found[key] = _of(state, key, Arrival.MISSING, why)
    return [found[key] for key in sorted(found)]


def _action(intake: Intake, store: Store, state: LineageState, key: str, newest: str) -> tuple[Arrival, str]:
    entry, revision = state.slices.get(key), revision_at_source(intake, store, state, key)
    if entry is None:
        if revision is not None:
            return Arrival.VALIDATE, "pulled, not evaluated yet"
        if key < newest:
            return Arrival.LATE, f"not pulled; newer slices were taken in, up to {newest}"
        return Arrival.PULL, "not pulled"
    if revision == entry.pulled:
        return Arrival.SKIP, entry.reason
    if revision is not None:
        return Arrival.VALIDATE, "changed at the source and pulled; the newer revision is not evaluated yet"
    return Arrival.AGAIN, "rewritten at the source since it was pulled"


def _of(state: LineageState, key: str, action: Arrival, why: str) -> SliceArrival:
    entry = state.slices.get(key)
    return SliceArrival(
        key=key,
        action=action,
        why=why,
        status=entry.status.value if entry else None,
        revision=entry.ref.revision if entry else None,
        rows=entry.ref.rows if entry else None,
    )
