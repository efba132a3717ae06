"""Before a backfill: what it would do with each slice of a range, and which are missing at the source."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Collection, Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta

from ckpt_ops.errors import BadInput, ObjectNotFound, SliceMissing
from ckpt_ops.lineage import Action, LineageState, ModelLog
from ckpt_ops.lineage.forecast import Arrival, forecast
from ckpt_ops.pipeline.description import Pipeline
from ckpt_ops.slices import load_manifest
from ckpt_ops.slices.periods import Period, utc
from ckpt_ops.slices.pull import pulled_revision
from ckpt_ops.slices.times import form_of, time_of
from ckpt_ops.store import Store

MISSING = "missing"
_AT_MOST = 2_000  # slices of a range


@dataclass(frozen=True, kw_only=True)
class SlicePlan:
    """What a run would do with a slice of the range.

    Attributes:
        action: an `Action`'s value, or "missing": the source does not have it.
        why: in words.
        status: what validation or a person said of it; None when it was never judged.
        revision, rows: of what was judged.
        consumed_by: the version of the head's ancestry that learned from it.
        undecided: it is held for being too late: a person may resolve it.
    """

    key: str
    action: str
    why: str
    status: str | None = None
    revision: str | None = None
    rows: int | None = None
    consumed_by: int | None = None
    undecided: bool = False


def plan_backfill(
    pipeline: Pipeline,
    store: Store,
    start: datetime,
    end: datetime,
    *,
    expected: Sequence[datetime] | None = None,
    progress: Callable[[int, int], None] = lambda done, of: None,
) -> list[SlicePlan]:
    """What runs for the slices that begin from `start` to `end`, both included, would do, in time order.

    Nothing is written and no rows are read. Each run is taken to end well: see `lineage.forecast`.

    Args:
        expected: starts of the intervals that the DAG's schedule cuts. None: told by the spacing of the
            slices that are there, where it is regular.
        progress: told after each slice how many of how many are looked at.

    Raises:
        BadInput: the range is none, or holds too many slices.
        SourceUnavailable, StoreUnavailable and the like: as the source's `keys` and `fingerprint`.
    """
    start, end = utc(start), utc(end)
    if end < start:
        raise BadInput("--to", end.isoformat(), f"not before --from {start.isoformat()}")
    state = ModelLog(store, pipeline.name).state()
    there = pipeline.source.keys(start, end + timedelta(microseconds=1))
    if len(there) > _AT_MOST:
        raise BadInput("--from/--to", f"{len(there):,} slices", f"a range of at most {_AT_MOST:,}")
    known = [key for key in state.slices if _within(key, start, end)]
    keys = sorted({*there, *known, *_expected({*there, *known}, expected, start, end)})
    arrivals = []
    for at, key in enumerate(there, start=1):
        with suppress(SliceMissing):  # it went away while we looked: it is missing
            arrivals.append(Arrival(key=key, revision=_revision(pipeline, store, state, key)))
        progress(at, len(there))
    plans = forecast(
        state,
        arrivals,
        late_within=pipeline.late_slices.within.count,
        max_rejections=pipeline.max_rejections,
        shadow=pipeline.shadow.slices if pipeline.shadow else 0,
    )
    planned = {plan.key: (plan.action.value, plan.why) for plan in plans}
    waiting = _undecided(state)
    return [
        _said(state, key, *planned.get(key, (MISSING, _why_missing(state, key))), waiting=waiting)
        for key in keys
    ]


def _said(state: LineageState, key: str, action: str, why: str, *, waiting: Collection[str]) -> SlicePlan:
    entry = state.slices.get(key)
    return SlicePlan(
        key=key,
        action=action,
        why=why,
        status=entry.status.value if entry else None,
        revision=entry.ref.revision if entry else None,
        rows=entry.ref.rows if entry else None,
        consumed_by=state.consumed_by(key),
        undecided=action == Action.HOLD.value and key in waiting,
    )


def _undecided(state: LineageState) -> set[str]:
    """Keys of slices that wait for a person only because they came too late.

    None while the model is held or its champion tainted: that is to be settled first.
    """
    if state.held is not None or state.taint(state.head) is not None:
        return set()
    newest = state.newest_consumed or ""
    return {ref.key for ref in state.pending() if ref.key < newest and ref.id not in state.resolved}


def _why_missing(state: LineageState, key: str) -> str:
    if key not in state.slices:
        return "not at the source"
    by = state.consumed_by(key)
    return "not at the source any more" + (f"; what version {by} learned of it stands" if by else "")


def _revision(pipeline: Pipeline, store: Store, state: LineageState, key: str) -> str | None:
    """The revision that a pull of the slice would find; None when it would have to read it."""
    entry = state.slices.get(key)
    if entry is not None:
        try:
            pulled = load_manifest(store, pipeline.source.name, key, entry.pulled)
        except ObjectNotFound:
            return None
        if pulled.fingerprint == pipeline.source.fingerprint(key):
            return entry.pulled
    return pulled_revision(store, pipeline.source, key)


def _within(key: str, start: datetime, end: datetime) -> bool:
    form = form_of(key)
    time = time_of(key, form) if form else None
    return time is not None and start <= time <= end


def _expected(
    keys: Iterable[str], starts: Sequence[datetime] | None, first: datetime, last: datetime
) -> list[str]:
    """Keys that should be there, as far as those that are tell how a time is written, and how often."""
    forms = {form_of(key) for key in keys}
    form = forms.pop() if len(forms) == 1 else None
    if form is None:
        return []
    if starts is None:
        starts = _regular(sorted(time for key in keys if (time := time_of(key, form)) is not None), form)
    return [utc(start).strftime(form) for start in starts if first <= utc(start) <= last]


def _regular(times: Sequence[datetime], form: str) -> list[datetime]:
    """The starts from the first to the last of `times`, when they are regular but for gaps."""
    if len(times) < 3:
        return []
    if form == Period.MONTH.form:
        return Period.MONTH.starts(times[0], times[-1])
    gaps = [after - before for before, after in itertools.pairwise(times)]
    step = min(gaps)
    if any(gap % step for gap in gaps) or (times[-1] - times[0]) // step > _AT_MOST:
        return []
    return [times[0] + at * step for at in range((times[-1] - times[0]) // step + 1)]
