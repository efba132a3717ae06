"""What a backfill would do, slice by slice: the planner asked along a history that has not happened yet.

Each slice is planned on the state that the runs before it would leave, as if each were accepted by
validation, found due by the update policy and let pass by the gates. What none of them can be known to do
is not guessed: a slice that fails one of them changes what comes after it.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace

from ckpt_ops.lineage.fold import fold
from ckpt_ops.lineage.planner import Action, Plan, plan
from ckpt_ops.lineage.records import CandidateStarted, Promoted, Record, SliceAccepted, SliceRef, slice_id
from ckpt_ops.lineage.state import LineageState


@dataclass(frozen=True, kw_only=True)
class Arrival:
    """A slice as a run would find it at its source.

    Attributes:
        revision: of its content, when it was pulled before; None when nobody has read it yet.
    """

    key: str
    revision: str | None = None


def forecast(
    state: LineageState, arrivals: Iterable[Arrival], *, late_within: int, max_rejections: int
) -> list[Plan]:
    """The plan of each arrival, in the order given."""
    plans = []
    for arrival in arrivals:
        state = fold(state.model, _accepted(state, arrival), after=state)
        planned = plan(state, arrival.key, late_within=late_within, max_rejections=max_rejections)
        if planned.action is Action.FORK and arrival.revision is None:
            why = "consumed; written anew at the source since: a fork if its content differs, else nothing"
            planned = replace(planned, why=why)
        plans.append(planned)
        if planned.action in (Action.APPEND, Action.LATE):
            state = fold(state.model, _promoted(state, planned), after=state)
    return plans


def _accepted(state: LineageState, arrival: Arrival) -> list[Record]:
    entry = state.slices.get(arrival.key)
    if arrival.revision is not None:
        if entry is not None and entry.pulled == arrival.revision:
            return []
        settled = state.settled.get(slice_id(arrival.key, arrival.revision))
        if settled is not None:
            return [settled]
    rows = entry.ref.rows if entry is not None else 0
    ref = SliceRef(key=arrival.key, revision=arrival.revision or "not read yet", rows=rows)
    return [SliceAccepted(slice=ref)]


def _promoted(state: LineageState, planned: Plan) -> list[Record]:
    number = state.next_version
    return [
        CandidateStarted(version=number, candidate="", parent=state.head, slices=planned.slices),
        Promoted(version=number, champion=state.head),
    ]
