"""A person's decisions on a slice: one record each, appended after the state they were made on."""

from __future__ import annotations

from functools import partial

from ckpt_ops.errors import BadInput
from ckpt_ops.lineage import LineageState, ModelLog
from ckpt_ops.lineage.records import (
    LateSliceResolved,
    Record,
    SliceAccepted,
    SliceRef,
    SliceTainted,
    SliceWithdrawn,
    TaintLifted,
)
from ckpt_ops.lineage.state import SliceState, SliceStatus
from ckpt_ops.promotion.decisions import check_reason
from ckpt_ops.store import Store


def withdraw(store: Store, model: str, key: str, why: str) -> LineageState:
    """Withdraw a slice: nothing trains on its content any more. If it was consumed, a rebase is due.

    Different content, delivered later under the same key, is a new revision and is evaluated as any other.

    Raises:
        BadInput: the slice is not known, or no reason is given.
    """
    check_reason(why)
    log = ModelLog(store, model)
    state = log.state()
    newest = _known(state, key).ref
    # the consumed revision is withdrawn too, where a newer one is in quarantine
    for ref in dict.fromkeys((state.consumed.get(key, newest), newest)):
        state = log.decide(partial(_withdrawn, ref=ref, why=why))
    return state


def taint(store: Store, model: str, key: str, why: str) -> LineageState:
    """Mark a slice as poisoned: no version that was trained on it is a parent or is promoted.

    This marks the revision that the champion consumed, or the newest when that is marked already or none was
    consumed. A champion that consumed it serves on, marked; nothing trains from it, and a rebase is due.

    Raises:
        BadInput: the slice is not known, is tainted already, or was neither accepted nor consumed; or
            no reason is given.
    """
    check_reason(why)

    return ModelLog(store, model).decide(partial(taint_of, key=key, why=why))


def taint_of(state: LineageState, key: str, why: str) -> SliceTainted:
    """The record of a taint after `state`. Raises as `taint`."""
    entry, consumed = _known(state, key), state.consumed.get(key)
    accepted = entry.ref if entry.status is SliceStatus.ACCEPTED else None
    for ref in (consumed, accepted):
        if ref is not None and ref.id not in state.tainted:
            return SliceTainted(slice=ref, reason=why)
    status = SliceStatus.TAINTED if consumed else entry.status
    raise BadInput("slice", key, f"an accepted or consumed slice; it is {status.value}")


def lift_taint(store: Store, model: str, key: str, why: str) -> LineageState:
    """Lift the taints of a slice. It is accepted again, unless somebody has decided otherwise since.

    Raises:
        BadInput: no revision of the slice is tainted, or no reason is given.
    """
    check_reason(why)

    def choose(state: LineageState) -> Record | None:
        entry = _known(state, key)
        if entry.status is SliceStatus.TAINTED:
            return SliceAccepted(
                slice=entry.ref,
                origin=entry.origin,
                released=True,
                report=entry.report,
                reason=f"not tainted: {why}",
            )
        tainted = [taint.slice for taint in state.tainted.values() if taint.slice.key == key]
        return TaintLifted(slice=tainted[0], reason=why) if tainted else None

    log = ModelLog(store, model)
    state = log.state()
    check_tainted(state, key)
    while key in _tainted_keys(state):
        state = log.decide(choose)
    return state


def resolve(store: Store, model: str, key: str, why: str, *, fork: bool) -> LineageState:
    """Decide on a slice that came too late to be appended by itself.

    Args:
        fork: train on it where it belongs, by a rebase. False: append it after the consumed slices, at its
            next run.

    Raises:
        BadInput: the slice is not pending, or nothing newer was consumed; or no reason is given.
    """
    check_reason(why)

    def choose(state: LineageState) -> Record | None:
        entry = check_late(state, key)
        if state.resolved.get(entry.ref.id) is fork:
            return None
        return LateSliceResolved(slice=entry.ref, fork=fork, reason=why)

    return ModelLog(store, model).decide(choose)


def check_late(state: LineageState, key: str) -> SliceState:
    """The slice, which came late and is pending. Raises `BadInput` for any other."""
    entry = _known(state, key)
    late = [ref.key for ref in state.pending() if ref.key < (state.newest_consumed or "")]
    if key not in late:
        allowed = f"a slice that is pending though newer ones were consumed: {', '.join(late) or 'none'}"
        raise BadInput("slice", key, allowed, next=f"ckpt-ops slices {state.model}")
    return entry


def check_tainted(state: LineageState, key: str) -> None:
    """Raises `BadInput`, naming those that are, unless some revision of the slice is tainted."""
    if key not in _tainted_keys(state):
        known = ", ".join(sorted(_tainted_keys(state))) or "none"
        raise BadInput("slice", key, f"a tainted slice: {known}")


def _withdrawn(state: LineageState, ref: SliceRef, why: str) -> Record | None:
    gone = state.slices[ref.key].status is SliceStatus.WITHDRAWN
    recorded = isinstance(state.settled.get(ref.id), SliceWithdrawn)
    return None if gone and recorded else SliceWithdrawn(slice=ref, reason=why)


def _tainted_keys(state: LineageState) -> set[str]:
    return {taint.slice.key for taint in state.tainted.values()}


def _known(state: LineageState, key: str) -> SliceState:
    if key not in state.slices:
        known = ", ".join(sorted(state.slices)) or "none yet"
        raise BadInput("slice", key, f"a slice of {state.model}: {known}")
    return state.slices[key]
