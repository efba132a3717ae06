"""What a backfill would do with each slice of a range, and which slices are missing at the source."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from functools import partial

from ckpt_ops.candidates.proposal import proposal_of
from ckpt_ops.errors import BadInput, SliceMissing
from ckpt_ops.intake.at_source import revision_at_source, within
from ckpt_ops.lineage import Action, LineageState, ModelLog, Plan
from ckpt_ops.lineage.forecast import Arrival, forecast
from ckpt_ops.lineage.spacing import AT_MOST, expected_keys
from ckpt_ops.pipeline.code.digests import Digests, digests_of
from ckpt_ops.pipeline.pipeline import Pipeline
from ckpt_ops.slices.key_forms import own_form
from ckpt_ops.slices.periods import utc
from ckpt_ops.store import Store


class NoRun(StrEnum):
    """Why a run can do nothing with a slice."""

    MISSING = "missing"  # the source does not have the slice


@dataclass(frozen=True, kw_only=True)
class SlicePlan:
    """What a run would do with a slice of the range.

    Attributes:
        status: by validation or a person's decision; None when it was never evaluated.
        revision, rows: of what was evaluated.
        consumed_by: the version of the head's ancestry that consumed it.
        undecided: it came too late and awaits a decision: a person may resolve it.
    """

    key: str
    action: Action | NoRun
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
    """What runs would do with the slices that begin from `start` to `end`, both included, in time order.

    Nothing is written and no rows are read. It assumes that each run ends well: see `lineage.forecast`.

    Args:
        expected: starts of the intervals that the DAG's schedule cuts. None: inferred from the spacing
            of the slices that are there, where it is regular.
        progress: called after each slice with how many of how many are looked at.

    Raises:
        BadInput: the range ends before it begins, or holds too many slices.
        SourceUnavailable, StoreUnavailable and the like: as the source's `keys` and `fingerprint`.
    """
    start, end = utc(start), utc(end)
    if end < start:
        raise BadInput("--to", end.isoformat(), f"not before --from {start.isoformat()}")
    state = ModelLog(store, pipeline.name).state()
    there = pipeline.source.keys(start, end + timedelta(microseconds=1))
    if len(there) > AT_MOST:
        raise BadInput("--from/--to", f"{len(there):,} slices", f"a range of at most {AT_MOST:,}")
    known = [key for key in state.slices if within(pipeline.source, key, start, end)]
    form = own_form(pipeline.source)
    should_be = expected_keys({*there, *known}, start, end, starts=expected, form=form)
    keys = sorted({*there, *known, *should_be})
    arrivals = []
    for at, key in enumerate(there, start=1):
        with suppress(SliceMissing):  # it went away while we looked: it is missing
            arrivals.append(Arrival(key=key, revision=revision_at_source(pipeline, store, state, key)))
        progress(at, len(there))
    plans = forecast(
        state,
        arrivals,
        late_within=pipeline.late_slices.within.count,
        max_rejections=pipeline.max_rejections,
        shadow=pipeline.shadow.slices if pipeline.shadow else 0,
        why_not=partial(_why_not, pipeline, digests_of(pipeline)),
    )
    planned = {plan.key: (plan.action, plan.why) for plan in plans}
    undecided = _undecided(state)
    return [
        _planned(state, key, *planned.get(key, (NoRun.MISSING, _why_missing(state, key))), waiting=undecided)
        for key in keys
    ]


def _planned(
    state: LineageState, key: str, action: Action | NoRun, why: str, *, waiting: Collection[str]
) -> SlicePlan:
    entry = state.slices.get(key)
    return SlicePlan(
        key=key,
        action=action,
        why=why,
        status=entry.status.value if entry else None,
        revision=entry.ref.revision if entry else None,
        rows=entry.ref.rows if entry else None,
        consumed_by=state.consumed_by(key),
        undecided=action is Action.HOLD and key in waiting,
    )


def _why_not(pipeline: Pipeline, digests: Digests, state: LineageState, planned: Plan) -> str | None:
    """Why a run does not train though it is planned, as `decide` gives it; the update policy is not asked."""
    proposal = proposal_of(pipeline, state, planned, digests=digests)
    nothing = "nothing to do: " if proposal.repeated is not None else ""
    return None if proposal.obstacle is None else f"{nothing}{proposal.obstacle}"


def _undecided(state: LineageState) -> set[str]:
    """Keys of slices that await a decision only because they came too late.

    Empty while the model is on hold or its champion is tainted: that comes first.
    """
    if state.held is not None or state.taint(state.head) is not None:
        return set()
    newest = state.newest_consumed or ""
    return {ref.key for ref in state.pending() if ref.key < newest and ref.id not in state.resolved}


def _why_missing(state: LineageState, key: str) -> str:
    if key not in state.slices:
        known = state.acknowledged.get(key)
        said = f"; acknowledged by {known.actor}: {known.reason}" if known else ""
        return f"not at the source{said}"
    by = state.consumed_by(key)
    return "not at the source any more" + (f"; version {by} stays trained on it" if by else "")
