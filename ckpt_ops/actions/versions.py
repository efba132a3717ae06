"""Decisions on a version: what each would do, and doing it."""

from __future__ import annotations

from ckpt_ops.actions.asked import Asked, Preview, impossible, named, rows_named, slices_named, the_version
from ckpt_ops.errors import TerminalError
from ckpt_ops.lineage import LineageState, VersionState, VersionStatus
from ckpt_ops.lineage.awaiting import why_void
from ckpt_ops.lineage.records import Rejected
from ckpt_ops.lineage.shadow import still_pending
from ckpt_ops.promotion import approval, decisions
from ckpt_ops.store import Store

_UNDECIDED = (VersionStatus.TRAINED, VersionStatus.EVALUATED)


def preview_approve(state: LineageState, asked: Asked) -> Preview:
    """Of a version that waits, or was rejected by a person or for want of an answer."""
    return _preview_promotion(state, the_version(state, asked), despite_gates=False)


def preview_despite_gates(state: LineageState, asked: Asked) -> Preview:
    """Of a version that the gates rejected."""
    return _preview_promotion(state, the_version(state, asked), despite_gates=True)


def approve(store: Store, model: str, asked: Asked) -> str:
    """Approve a version and promote it. See `promotion.approve` and `promotion.settle`."""
    return _promote(store, model, asked, despite_gates=False)


def promote_despite_gates(store: Store, model: str, asked: Asked) -> str:
    """As `approve`, against the gates' verdict."""
    return _promote(store, model, asked, despite_gates=True)


def preview_reject(state: LineageState, asked: Asked) -> Preview:
    """Of a version that is trained and not decided on."""
    version = the_version(state, asked)
    title = f"Reject version {version.version}?"
    if version.status not in _UNDECIDED:
        by_person = isinstance(version.decided, Rejected) and version.decided.by_person
        already = version.status is VersionStatus.REJECTED and by_person
        return impossible(title, f"It is {version.status.value}{_by(version)}.", already=already)
    will = [f"Version {version.version} is not promoted. {_head(state)}"]
    if version.started.again is None:
        will.append(f"It was trained on {slices_named(version.slices)}: pending again.")
    will.append("It counts as a rejection: several in a row put the model on hold.")
    will.append("As long as the head stays the same, approving the version takes this back.")
    return Preview(title=title, will=tuple(will))


def reject(store: Store, model: str, asked: Asked) -> str:
    """See `promotion.reject`."""
    state = approval.reject(store, model, _number(asked), asked.why)
    pending = named(ref.key for ref in state.pending())
    return f"Version {asked.version} is rejected. Pending slices: {pending}."


def preview_rollback(state: LineageState, asked: Asked) -> Preview:
    """Of a version that was in production before."""
    version = the_version(state, asked)
    to = version.version
    title = f"Roll back to version {to}?"
    if to == state.head:
        return impossible(title, f"Version {to} is in production already.", already=True, danger=True)
    why_not = _why_no_rollback(state, version)
    if why_not:
        return impossible(title, why_not, danger=True)
    kept = {one.version for one in state.ancestry(to)}
    undone = [one for one in state.ancestry(state.head) if one.version not in kept]
    will = [f"Version {to} serves in place of version {state.head}, and what comes next is trained from it."]
    known = {ref.key for one in state.ancestry(to) for ref in one.slices}
    freed = [ref for one in undone for ref in one.slices if ref.key not in known]
    if undone:
        will.append(f"Marked as rolled back: {named(f'version {one.version}' for one in undone)}.")
    if freed:
        will.append(f"Pending again: {slices_named(freed)}.")
    will.append(f"A rollback to version {state.head} takes this back.")
    return Preview(title=title, will=tuple(will), danger=True)


def rollback(store: Store, model: str, asked: Asked) -> str:
    """See `promotion.rollback`."""
    state = decisions.rollback(store, model, _number(asked), asked.why)
    pending = named(ref.key for ref in state.pending())
    return f"Version {asked.version} is in production again. Pending slices: {pending}."


def _preview_promotion(state: LineageState, version: VersionState, *, despite_gates: bool) -> Preview:
    number, evaluated = version.version, version.evaluated
    title = f"Promote version {number}{' despite its gates' if despite_gates else ''}?"
    if state.head == number:
        return impossible(title, "It is in production already.", already=True, danger=despite_gates)
    why_not = _why_not_promoted(state, version, despite_gates=despite_gates)
    if why_not or evaluated is None:
        return impossible(title, why_not, danger=despite_gates)
    place = "" if state.head is None else f" in place of version {state.head}"
    will = [f"Version {number} goes into production{place}."]
    will.append(f"It was trained on {slices_named(version.slices)} ({rows_named(version.rows)}).")
    will += _compared(version)
    if despite_gates and not evaluated.passed:
        will += [f"Overridden: {verdict}" for verdict in evaluated.rejecting] or [
            f"Overridden: {evaluated.reason}"
        ]
    if version.status is VersionStatus.REJECTED:
        will.append(f"This takes its rejection back{_by(version)}.")
    if state.held is not None:
        will.append(f"The model stays on hold: {state.held}")
    if state.head is not None:
        will.append(f"A rollback to version {state.head} takes this back.")
    return Preview(title=title, will=tuple(will), danger=despite_gates)


def _why_not_promoted(state: LineageState, version: VersionState, *, despite_gates: bool) -> str:
    """Why it cannot be approved; "" when it can."""
    evaluated = version.evaluated
    if version.status not in (VersionStatus.EVALUATED, VersionStatus.REJECTED):
        return f"Only a version that was evaluated and not promoted can be: it is {version.status.value}."
    if evaluated is None:
        return "It was not evaluated."
    void = why_void(state, version.version)
    if void is not None or version.superseded:
        reason = void.reason if void else version.decided.reason if version.decided else ""
        return f"It can no longer take its champion's place: {reason}. Run its slices again."
    if version.version in state.dropped:
        return "Its checkpoint was removed after its rejection. Run its slices again with changed code."
    if not still_pending(state, evaluated.slices):
        return "Slices that it was evaluated on in shadow have changed since: run them again."
    if not evaluated.passed and not despite_gates and version.approved is None:
        return f"The gates did not let it pass: {evaluated.reason}"
    return ""


def _promote(store: Store, model: str, asked: Asked, *, despite_gates: bool) -> str:
    number = _number(asked)
    approval.approve(store, model, number, asked.why, despite_gates=despite_gates)
    # approved, it is promoted whatever the pipeline asks for: a killed request is finished by the next run
    state = decisions.settle(store, model, number, needs_approval=True)
    settled = state.version(number)
    if state.head != number:
        reason = settled.decided.reason if settled.decided else "it is evaluated again"
        raise TerminalError(
            f"version {number} of {model} is {settled.status.value}: {reason}",
            safe=f"the approval is recorded; {_head(state)}",
            next="run its slices again: their candidate trains from the version in production",
        )
    held = f" {model} is still on hold: {state.held}" if state.held is not None else ""
    return f"Version {number} is in production.{held}"


def _why_no_rollback(state: LineageState, version: VersionState) -> str:
    to = version.version
    if to not in state.restorable:
        if version.promoted is None:
            return f"It was never in production: it is {version.status.value}."
        if to in state.tainted_versions:
            return "It was trained on a tainted slice, or descends from a version that was."
        return "Its checkpoint is not kept any more."
    gone = decisions.no_longer_accepted(state, to)
    return f"It was trained on slices that are not accepted any more: {named(gone)}." if gone else ""


def _compared(version: VersionState) -> list[str]:
    metrics = version.evaluated.metrics if version.evaluated else {}
    mine, other = metrics.get("candidate", {}), metrics.get("champion", {})
    return [
        f"{name}: {value:.4f}, version {version.champion}: {other[name]:.4f}, on the same rows."
        for name, value in mine.items()
        if name in other
    ][:3]


def _head(state: LineageState) -> str:
    return "no version is in production" if state.head is None else f"Version {state.head} serves on."


def _by(version: VersionState) -> str:
    decided = version.decided
    return "" if decided is None else f", by {decided.actor}: {decided.reason}"


def _number(asked: Asked) -> int:
    return asked.version if asked.version is not None else 0
