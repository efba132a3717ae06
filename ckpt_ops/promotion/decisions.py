"""What moves the head of a model: one record each, appended behind the state it was decided on."""

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
    superseded, its slices are pending again, and the next run trains them on the new head. So is what
    learned a slice that was corrected, withdrawn or tainted meanwhile.

    A candidate in shadow stays as it is when the slices that it is evaluated on are not scored, or not as
    they stand now: the runs that follow go on with it.

    A version that does no harm and cannot be told from the champion, where the gates wait for that, ends as
    deferred: its slices are learned together with those that come next.

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
        said = candidate.approved
        if said is not None and (evaluated.passed or said.despite_gates):
            return _promoted(store, candidate, _approved_message(evaluated, said))
        if evaluated.waits:
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
    consumed are pending again. A rollback is taken back the same way: `to` is then the later version.

    Raises:
        BadInput: `to` was never promoted, or is the head; a slice that it would bring back was withdrawn
            or quarantined meanwhile; or no reason is given.
        ObjectNotFound, Corrupt: its checkpoint or its export is not what its training wrote.
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
        check_whole(store, state.versions[to])
        return RolledBack(version=to, champion=state.head, reason=why)

    state = ModelLog(store, model).decide(choose)
    publish(store, model, state)
    return state


def release(store: Store, model: str, why: str) -> LineageState:
    """End a hold. Rejections are counted again."""
    check_reason(why)

    def choose(state: LineageState) -> Record | None:
        if state.held is None:
            raise BadInput("model", model, "a held model; this one is not held")
        return Released(reason=why)

    return ModelLog(store, model).decide(choose)


def _promoted(store: Store, version: VersionState, why: str) -> Promoted:
    """The record that puts the version in production, and names what that is."""
    check_whole(store, version)
    trained = version.trained
    return Promoted(
        version=version.version,
        champion=version.champion,
        manifest_digest=trained.manifest_digest if trained else "",
        export_digest=export_digest(trained) if trained else "",
        reason=why,
    )


def _approved_message(evaluated: Evaluated, said: Approved) -> str:
    """Why it is promoted: what the gates said, and who let it pass for which reason."""
    if said.expired:
        return f"{evaluated.reason}; {said.reason}"
    how = "promoted despite the gates" if said.despite_gates else "approved"
    return f"{evaluated.reason}; {how} by {said.actor}: {said.reason}"


def fork_needed(model: str, key: str, what: str) -> ForkNeeded:
    """The one message for what only a rebase can do."""
    return ForkNeeded(
        f"slice {key} of {model} was {what}: the lineage has to fork before it",
        safe="the champion serves on, nothing was trained, newer slices are not held up",
        next=f"ckpt-ops plan {model} shows what a rebase would do; ckpt-ops rebase {model} does it",
    )


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
