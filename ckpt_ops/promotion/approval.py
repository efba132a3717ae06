"""A person's decision on a version: approved or rejected. One record each; `settle` acts on an approval."""

from __future__ import annotations

from ckpt_ops.checkpoints import load_manifest
from ckpt_ops.errors import BadInput, ObjectNotFound
from ckpt_ops.lineage import LineageState, ModelLog, VersionState, VersionStatus
from ckpt_ops.lineage.awaiting import waits, why_void
from ckpt_ops.lineage.records import Approved, Record, Rejected
from ckpt_ops.lineage.shadow import still_pending
from ckpt_ops.promotion.card import write_card
from ckpt_ops.promotion.decisions import check_reason
from ckpt_ops.store import Store


def approve(store: Store, model: str, version: int, why: str, *, despite_gates: bool = False) -> LineageState:
    """Let an evaluated version be promoted; nothing is promoted yet. A second call changes nothing.

    This also reverses a rejection, by a person or for want of an answer, as long as the version can still
    take its champion's place and its checkpoint is there.

    Args:
        despite_gates: also a version that the gates rejected; the record says so.

    Raises:
        BadInput: it was not evaluated, was in production, or its verdict no longer stands; the gates rejected
            it and are not to be overridden; or no reason is given.
    """
    check_reason(why)
    log = ModelLog(store, model)
    if log.state().version(version).status is VersionStatus.REJECTED:
        _check_kept(store, log.state().version(version))

    def choose(state: LineageState) -> Record | None:
        return approval_of(state, version, why, despite_gates=despite_gates)

    return log.decide(choose)


def approval_of(state: LineageState, version: int, why: str, *, despite_gates: bool) -> Approved | None:
    """The record of an approval after `state`; None: there is one, or `settle` decides. As `approve`."""
    candidate = state.version(version)
    void = why_void(state, version)
    evaluated = candidate.evaluated
    if candidate.status is VersionStatus.EVALUATED:
        if candidate.approved is not None or void is not None:
            return None  # a killed command recorded it before; or `settle` decides on it
    elif candidate.status is not VersionStatus.REJECTED:
        if state.head == version and candidate.approved is not None:
            return None
        allowed = f"a version that waits for approval or was rejected; {_is(candidate)}"
        raise BadInput("version", version, allowed)
    elif void is not None or candidate.superseded:
        message = void.reason if void else candidate.decided.reason if candidate.decided else ""
        raise BadInput(
            "version",
            version,
            f"a version that can still take its champion's place; this one cannot: {message}",
            next="run the slices again: they are trained on from today's champion",
        )
    passed = evaluated is not None and evaluated.passed
    if evaluated is not None and not still_pending(state, evaluated.slices):
        raise BadInput(
            "version",
            version,
            "a version whose verdict stands; slices that it was evaluated on in shadow changed since",
            next=f"run the slices again to evaluate it again; see ckpt-ops show {state.model} {version}",
        )
    if not passed and not despite_gates:
        raise BadInput(
            "version",
            version,
            f"a version that the gates let pass; {evaluated.reason if evaluated else 'it was not evaluated'}",
            next=f"ckpt-ops show {state.model} {version} shows the verdicts; "
            f"ckpt-ops promote {state.model} {version} --approve --despite-gates --why TEXT overrides them",
        )
    return Approved(version=version, despite_gates=not passed, reason=why)


def reject(store: Store, model: str, version: int, why: str) -> LineageState:
    """Reject a version that is trained or evaluated and not decided on. Its slices are pending again.

    Raises:
        BadInput: it is not trained, or was decided on; or no reason is given.
    """
    check_reason(why)

    def choose(state: LineageState) -> Record | None:
        return rejection_of(state, version, why)

    log = ModelLog(store, model)
    state = log.decide(choose)
    write_card(store, log, state, version)
    return state


def rejection_of(state: LineageState, version: int, why: str) -> Rejected:
    """The record of a person's rejection after `state`. Raises as `reject`."""
    candidate = state.version(version)
    if candidate.status not in (VersionStatus.TRAINED, VersionStatus.EVALUATED):
        allowed = f"a version that is trained and not decided on; {_is(candidate)}"
        raise BadInput("version", version, allowed, next=f"ckpt-ops show {state.model} {version}")
    return Rejected(version=version, champion=candidate.champion, by_person=True, reason=why)


def answer(
    store: Store,
    model: str,
    version: int,
    *,
    approved: bool,
    why: str,
    expired: bool = False,
) -> LineageState:
    """Record the answer to a question for approval, or that nobody answered.

    The answer may be late: a version that was decided on meanwhile, or can no longer be promoted, is left
    to `settle`. A second call changes nothing.

    Args:
        expired: nobody answered in time; `approved` is then what the pipeline sets for that case.
    """

    def choose(state: LineageState) -> Record | None:
        candidate = state.version(version)
        if not waits(state, candidate):
            return None
        if approved:
            return Approved(version=version, expired=expired, reason=why)
        champion = candidate.champion
        return Rejected(
            version=version, champion=champion, by_person=not expired, expired=expired, reason=why
        )

    log = ModelLog(store, model)
    state = log.decide(choose)
    write_card(store, log, state, version)
    return state


def _check_kept(store: Store, version: VersionState) -> None:
    """A rejected version may have lost its checkpoint to garbage collection: nothing could go on from it."""
    try:
        load_manifest(store, version.trained.final if version.trained else "none")
    except ObjectNotFound:
        raise BadInput(
            "version",
            version.version,
            "a version whose checkpoint is kept; this one's was removed after its rejection",
            next="run its slices again with changed code or settings: that makes a new version",
        ) from None


def _is(version: VersionState) -> str:
    return f"it is {version.status.value}"
