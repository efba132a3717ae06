"""What moves the head of a model: one record each, appended after the state it was decided on."""

from __future__ import annotations

from ckpt_ops.checkpoints.exports import export_digest
from ckpt_ops.errors import BadInput, ForkNeeded
from ckpt_ops.lineage import LineageState, ModelLog, VersionState, VersionStatus
from ckpt_ops.lineage.records import (
    Approved,
    Evaluated,
    Promoted,
    Record,
    Rejected,
    Released,
    RolledBack,
    UpdateDeferred,
)
from ckpt_ops.lineage.requirements import SlicesPending
from ckpt_ops.lineage.shadow import superseded
from ckpt_ops.lineage.state import SliceStatus
from ckpt_ops.promotion.card import write_card
from ckpt_ops.promotion.publish import check_whole, publish
from ckpt_ops.store import Store


def settle(store: Store, model: str, version: int, *, needs_approval: bool = False) -> LineageState:
    """Promote or reject an evaluated version, once. A second call finds it settled and changes nothing.

    Promotion names the champion that the evaluation compared against. If another version became the
    champion meanwhile, the comparison and the parent are both void: the version is rejected as
    superseded, its slices are pending again, and the next run trains on them from the new head. A
    version trained on a slice that was corrected, withdrawn or tainted meanwhile is superseded too.

    A candidate in shadow stays as it is while the slices that it is evaluated on are not scored, or not as
    they are now: later runs go on with it.

    Where the gates wait for a difference, a version that does no harm and cannot be told from the champion
    ends as deferred: its slices are trained on together with those that come next. A retraining has nothing
    that would be trained on later: it is rejected.

    Args:
        needs_approval: a version that the gates let pass waits until a person has approved it.

    Raises:
        BadInput: there is no such version, or it was not evaluated.
        ObjectNotFound, Corrupt: its last checkpoint or its export is not what its training wrote: it is not
            promoted, and stays evaluated.
    """

    def choose(state: LineageState) -> Record | None:
        candidate = state.version(version)
        evaluated, champion = candidate.evaluated, candidate.champion
        in_shadow = candidate.started.shadow and candidate.trained is not None
        if evaluated is None and not in_shadow:
            raise BadInput("version", version, f"an evaluated version; it is {candidate.status.value}")
        if candidate.status not in (VersionStatus.TRAINED, VersionStatus.EVALUATED):
            return None
        void = superseded(state, candidate)
        if void is not None:
            return Rejected(version=version, champion=champion, superseded=True, reason=void.reason)
        if evaluated is None or SlicesPending(slices=evaluated.slices).unmet(state) is not None:
            return None
        approved = candidate.approved
        if approved is not None and (evaluated.passed or approved.despite_gates):
            return _promoted(store, candidate, _approved_message(evaluated, approved))
        if evaluated.waits and candidate.started.again is None:
            return UpdateDeferred(
                slice=candidate.slices[-1], numbers={}, version=version, reason=evaluated.reason
            )
        if not evaluated.passed:
            return Rejected(version=version, champion=champion, reason=evaluated.reason)
        if needs_approval:
            return None
        return _promoted(store, candidate, evaluated.reason)

    log = ModelLog(store, model)
    state = log.decide(choose)
    publish(store, model, state)
    write_card(store, log, state, version)
    return state


def rollback(store: Store, model: str, to: int, why: str) -> LineageState:
    """Make version `to` the head again: for serving, and as the parent of what comes next.

    The versions that the head was built on and `to` was not are marked as rolled back; the slices they
    consumed are pending again. A rollback is undone the same way: `to` is then the later version.

    Raises:
        BadInput: `to` was never promoted, or is the head; a slice that it would bring back was withdrawn
            or quarantined meanwhile; or no reason is given.
        ObjectNotFound, Corrupt: its checkpoint or its export is not what its training wrote.
    """
    check_reason(why)

    def choose(state: LineageState) -> Record | None:
        record = rollback_of(state, to, why)
        check_whole(store, state.versions[to])
        return record

    state = ModelLog(store, model).decide(choose)
    publish(store, model, state)
    return state


def rollback_of(state: LineageState, to: int, why: str) -> RolledBack:
    """The record of a rollback after `state`. Raises as `rollback`, but reads no file."""
    state.version(to)
    if state.head is None or to not in state.restorable:
        known = ", ".join(map(str, state.restorable)) or "none"
        raise BadInput(
            "to",
            to,
            f"a version other than the head, {state.head}, once promoted, kept, not tainted: {known}",
        )
    not_accepted = no_longer_accepted(state, to)
    if not_accepted:
        raise BadInput(
            "to",
            to,
            f"a version trained only on accepted slices; it was trained on {', '.join(not_accepted)}",
            next=f"ckpt-ops slices {state.model}",
        )
    return RolledBack(version=to, champion=state.head, reason=why)


def release(store: Store, model: str, why: str) -> LineageState:
    """End a hold. Rejections are counted from zero again."""
    check_reason(why)

    def choose(state: LineageState) -> Record | None:
        if state.held is None:
            raise BadInput("model", model, "a model on hold; this one is not")
        return Released(reason=why)

    return ModelLog(store, model).decide(choose)


def _promoted(store: Store, version: VersionState, why: str) -> Promoted:
    """The record that puts the version in production, and names its files by digest."""
    check_whole(store, version)
    trained = version.trained
    return Promoted(
        version=version.version,
        champion=version.champion,
        manifest_digest=trained.manifest_digest if trained else "",
        export_digest=export_digest(trained) if trained else "",
        reason=why,
    )


def _approved_message(evaluated: Evaluated, approved: Approved) -> str:
    """Why it is promoted: the gates' reason, and who let it pass for which reason."""
    if approved.expired:
        return f"{evaluated.reason}; {approved.reason}"
    how = "promoted despite the gates" if approved.despite_gates else "approved"
    return f"{evaluated.reason}; {how} by {approved.actor}: {approved.reason}"


def fork_needed(model: str, key: str, what: str) -> ForkNeeded:
    """The error for what only a rebase can do."""
    return ForkNeeded(
        f"slice {key} of {model} was {what}: the lineage has to fork before it",
        safe="the champion serves on, nothing was trained, newer slices are not held up",
        next=f"ckpt-ops plan {model} shows what a rebase would do; ckpt-ops rebase {model} does it",
    )


def no_longer_accepted(state: LineageState, to: int) -> list[str]:
    """Slices that the head has not consumed, `to` has, and that are no longer accepted."""
    return [
        f"{ref.key}, which is {entry.status.value}"
        for version in state.ancestry(to)
        for ref in version.slices
        if ref.key not in state.consumed
        and (entry := state.slices.get(ref.key)) is not None
        and entry.status is not SliceStatus.ACCEPTED
    ]


def check_reason(why: str) -> None:
    """A decision needs a reason. Raises `BadInput`."""
    if not why.strip():
        raise BadInput("why", why, "a reason, for those who read the log later")
