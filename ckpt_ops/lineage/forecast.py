"""What a backfill would do, slice by slice: the planner, run over a history that has not happened yet.

Each slice is planned on the state that the runs before it would leave, as if validation accepted every
slice, the update policy found every update due, and the gates passed every candidate. Their answers are not
guessed: a slice that fails one of them changes what comes after it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace

from ckpt_ops.lineage.planner import Action, Plan, plan
from ckpt_ops.lineage.records import (
    CandidateStarted,
    CandidateTrained,
    Promoted,
    Record,
    ShadowScored,
    SliceAccepted,
    SliceRef,
    slice_id,
)
from ckpt_ops.lineage.shadow import in_shadow
from ckpt_ops.lineage.state import LineageState
from ckpt_ops.lineage.unfolding import Unfolding


@dataclass(frozen=True, kw_only=True)
class Arrival:
    """A slice as a run would find it at its source.

    Attributes:
        revision: of its content, if it was pulled before; None if nobody has read it yet.
    """

    key: str
    revision: str | None = None


def _tries_all(state: LineageState, planned: Plan) -> str | None:
    return None


def forecast(
    state: LineageState,
    arrivals: Iterable[Arrival],
    *,
    late_within: int,
    max_rejections: int,
    shadow: int = 0,
    why_not: Callable[[LineageState, Plan], str | None] = _tries_all,
) -> list[Plan]:
    """The plan of each arrival, in the order given.

    Args:
        shadow: how many of the next slices a candidate is evaluated on before it is promoted; 0: none.
        why_not: why the run would train nothing although the plan says so; None: it would train. A slice
            with a reason is skipped, and stays pending. The state that it is given is that of the moment.
    """
    plans, future = [], Unfolding(state)
    for arrival in arrivals:
        _add(future, _accepted(future.state, arrival))
        planned = plan(future.state, arrival.key, late_within=late_within, max_rejections=max_rejections)
        if planned.action is Action.FORK and arrival.revision is None:
            why = "consumed, then rewritten at the source: a fork if its content differs, else nothing to do"
            planned = replace(planned, why=why)
        trains = planned.action in (Action.APPEND, Action.LATE)
        reason = why_not(future.state, planned) if trains else None
        if reason is not None:
            planned = replace(planned, action=Action.SKIP, why=reason, slices=())
        plans.append(planned)
        if planned.action in (Action.APPEND, Action.LATE):
            _add(future, _trained(future.state, planned, shadow))
        elif planned.action is Action.SHADOW:
            _add(future, _scored(future.state, arrival.key))
            _add(future, _settled(future.state))
    return plans


def _add(future: Unfolding, records: Iterable[Record]) -> None:
    for record in records:
        future.add(record)


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


def _trained(state: LineageState, planned: Plan, shadow: int) -> list[Record]:
    number, waits = state.next_version, shadow if state.head is not None else 0
    started = CandidateStarted(
        version=number, candidate="", parent=state.head, slices=planned.slices, shadow=waits
    )
    if not waits:
        return [started, Promoted(version=number, champion=state.head)]
    trained = CandidateTrained(
        version=number, step=0, stopped_by="", checkpoints=0, manifest="", artifacts={}
    )
    return [started, trained]


def _scored(state: LineageState, key: str) -> list[Record]:
    found = in_shadow(state)
    if found is None:
        return []
    return [
        ShadowScored(version=found.version.version, slice=ref, predictions="", rows=max(1, ref.rows))
        for ref in found.to_score(key)
    ]


def _settled(state: LineageState) -> list[Record]:
    found = in_shadow(state)
    if found is None or not found.complete:
        return []
    return [Promoted(version=found.version.version, champion=state.head)]
