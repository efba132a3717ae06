"""What moves the head of a model: one record each, appended behind the state it was decided on."""

from __future__ import annotations

from dataclasses import replace
from functools import partial

from ckpt_ops.errors import BadInput, ForkNeeded
from ckpt_ops.lineage import LineageState, ModelLog, VersionStatus
from ckpt_ops.lineage.records import (
    HoldResolved,
    Promoted,
    Record,
    Rejected,
    Released,
    RolledBack,
    SliceAccepted,
    SliceRef,
    SliceTainted,
    SliceWithdrawn,
    TaintLifted,
)
from ckpt_ops.lineage.state import SliceState, SliceStatus
from ckpt_ops.serving.publish import publish
from ckpt_ops.store import Store


def settle(store: Store, model: str, version: int) -> LineageState:
    """Promote or reject an evaluated version, once. A second call finds it settled and changes nothing.

    Promotion names the champion that the evaluation compared against. If another version became the
    champion meanwhile, the comparison and the parent are both void: the version is rejected as
    superseded, its slices are pending again, and the next run trains them on the new head. So is what
    learned a slice that was corrected, withdrawn or tainted meanwhile.
    """

    def choose(state: LineageState) -> Record | None:
        candidate = state.version(version)
        if candidate.evaluated is None:
            raise BadInput("version", version, f"an evaluated version; it is {candidate.status.value}")
        if candidate.status is not VersionStatus.EVALUATED:
            return None
        judged = candidate.evaluated
        taint = state.taint(version)
        if taint is not None:
            why = f"it learned from slice {taint.slice.key}, which is tainted: {taint.reason}"
            return Rejected(version=version, champion=judged.champion, superseded=True, reason=why)
        lost = [ref.key for ref in _newly_learned(state, version) if state.standing(ref) != ref]
        if lost:
            why = f"superseded: slice {', '.join(lost)} was corrected or withdrawn since it was learned"
            return Rejected(version=version, champion=judged.champion, superseded=True, reason=why)
        if state.head != judged.champion:
            return Rejected(
                version=version,
                champion=judged.champion,
                superseded=True,
                reason=f"superseded: the champion is version {state.head} now, "
                f"it was compared with version {judged.champion}",
            )
        if judged.passed:
            return Promoted(version=version, champion=judged.champion, reason=judged.reason)
        return Rejected(version=version, champion=judged.champion, reason=judged.reason)

    state = ModelLog(store, model).decide(choose)
    publish(store, model, state)
    return state


def rollback(store: Store, model: str, to: int, why: str) -> LineageState:
    """Make version `to` the head again: for serving, and as the parent of what comes next.

    The versions that the head was built on and `to` was not are marked as rolled back; the slices they
    consumed are pending again. A rollback is taken back the same way: `to` is then the later version.

    Raises:
        BadInput: `to` was never promoted, or is the head; a slice that it would bring back was withdrawn
            or quarantined meanwhile; or no reason is given.
    """
    check_reason(why)

    def choose(state: LineageState) -> Record | None:
        state.version(to)
        if state.head is None or to not in state.restorable:
            known = ", ".join(map(str, state.restorable)) or "there is none"
            raise BadInput(
                "to",
                to,
                f"another version than the head, {state.head}, once promoted, kept, not tainted: {known}",
            )
        refused = _no_longer_accepted(state, to)
        if refused:
            raise BadInput(
                "to",
                to,
                f"a version that learned only from slices that stand; it learned from {', '.join(refused)}",
                next=f"ckpt-ops slices {model}",
            )
        return RolledBack(version=to, champion=state.head, reason=why)

    state = ModelLog(store, model).decide(choose)
    publish(store, model, state)
    return state


def withdraw(store: Store, model: str, key: str, why: str) -> LineageState:
    """Take back a slice: nothing trains on its content any more. If it was consumed, a rebase is due.

    Other content of the same key, delivered later, is another revision, and judged as any.

    Raises:
        BadInput: the slice is not known, or no reason is given.
    """
    check_reason(why)
    log = ModelLog(store, model)
    state = log.state()
    newest = _known(state, key).ref
    # what was learned goes, too, where a newer revision of it is in quarantine
    for ref in dict.fromkeys((state.consumed.get(key, newest), newest)):
        state = log.decide(partial(_withdrawn, ref=ref, why=why))
    return state


def _withdrawn(state: LineageState, ref: SliceRef, why: str) -> Record | None:
    gone = state.slices[ref.key].status is SliceStatus.WITHDRAWN
    said = isinstance(state.settled.get(ref.id), SliceWithdrawn)
    return None if gone and said else SliceWithdrawn(slice=ref, reason=why)


def taint(store: Store, model: str, key: str, why: str) -> LineageState:
    """Say that a slice was poisoned: nothing that learned from it may be trained from or promoted.

    What is marked is the revision that the champion consumed, or the newest when that is marked already. If
    it was consumed, the champion serves on, marked, nothing trains from it, and a rebase is due.

    Raises:
        BadInput: the slice is not known, is tainted already, or was neither accepted nor learned; or no
            reason is given.
    """
    check_reason(why)

    def choose(state: LineageState) -> Record | None:
        entry, learned = _known(state, key), state.consumed.get(key)
        accepted = entry.ref if entry.status is SliceStatus.ACCEPTED else None
        for ref in (learned, accepted):
            if ref is not None and ref.id not in state.tainted:
                return SliceTainted(slice=ref, reason=why)
        status = SliceStatus.TAINTED if learned else entry.status
        raise BadInput("slice", key, f"a slice that was learned or is accepted; it is {status.value}")

    return ModelLog(store, model).decide(choose)


def lift_taint(store: Store, model: str, key: str, why: str) -> LineageState:
    """Take the taints of a slice back. If nobody has said anything else of it since, it is accepted again.

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
        tainted = [said.slice for said in state.tainted.values() if said.slice.key == key]
        return TaintLifted(slice=tainted[0], reason=why) if tainted else None

    log = ModelLog(store, model)
    state = log.state()
    if key not in {said.slice.key for said in state.tainted.values()}:
        known = ", ".join(sorted({said.slice.key for said in state.tainted.values()})) or "none"
        raise BadInput("slice", key, f"a slice that is tainted: {known}")
    while key in {said.slice.key for said in state.tainted.values()}:
        state = log.decide(choose)
    return state


def resolve(
    store: Store, model: str, key: str, why: str, *, fork: bool, actor: str | None = None
) -> LineageState:
    """Say what becomes of a slice that came too late to be appended by itself.

    Args:
        fork: learn it where it belongs, by a rebase. False: append it behind what was consumed, at the
            next run of it.
        actor: who says so, where this process works for several people; None: as for every record.

    Raises:
        BadInput: the slice is not pending, or nothing newer was consumed; or no reason is given.
    """
    check_reason(why)

    def choose(state: LineageState) -> Record | None:
        entry = _known(state, key)
        late = [ref.key for ref in state.pending() if ref.key < (state.newest_consumed or "")]
        if key not in late:
            allowed = f"a slice that is pending though newer ones were consumed: {', '.join(late) or 'none'}"
            raise BadInput("slice", key, allowed, next=f"ckpt-ops slices {model}")
        if state.resolved.get(entry.ref.id) is fork:
            return None
        record = HoldResolved(slice=entry.ref, fork=fork, reason=why)
        return record if actor is None else replace(record, actor=actor)

    return ModelLog(store, model).decide(choose)


def release(store: Store, model: str, why: str) -> LineageState:
    """End a hold. Rejections are counted anew."""
    check_reason(why)

    def choose(state: LineageState) -> Record | None:
        if state.held is None:
            raise BadInput("model", model, "a held model; this one is not held")
        return Released(reason=why)

    return ModelLog(store, model).decide(choose)


def _newly_learned(state: LineageState, version: int) -> list[SliceRef]:
    """What a promotion would make consumed: the version's own slices, and those of a rebase's steps."""
    line = (one for one in state.ancestry(version) if one.promoted is None)
    return [ref for one in line for ref in one.slices]


def fork_needed(model: str, key: str, what: str) -> ForkNeeded:
    """The one message for what only a rebase can do."""
    return ForkNeeded(
        f"slice {key} of {model} was {what}: the lineage has to fork before it",
        safe="the champion serves on, nothing was trained, newer slices are not held up",
        next=f"ckpt-ops plan {model} shows what a rebase would do; ckpt-ops rebase {model} does it",
    )


def _known(state: LineageState, key: str) -> SliceState:
    if key not in state.slices:
        known = ", ".join(sorted(state.slices)) or "none yet"
        raise BadInput("slice", key, f"a slice of {state.model}: {known}")
    return state.slices[key]


def _no_longer_accepted(state: LineageState, to: int) -> list[str]:
    """Slices that the head has not consumed, `to` has, and that were refused since."""
    return [
        f"{ref.key}, which is {entry.status.value}"
        for version in state.ancestry(to)
        for ref in version.slices
        if ref.key not in state.consumed
        and (entry := state.slices.get(ref.key)) is not None
        and entry.status is not SliceStatus.ACCEPTED
    ]


def check_reason(why: str) -> None:
    """Whoever decides says why. Raises `BadInput`."""
    if not why.strip():
        raise BadInput("why", why, "a reason, for those who read the log later")
