"""What a person may decide now, and why not: asked of the functions that decide, without deciding."""

from __future__ import annotations

from collections.abc import Callable

from ckpt_ops.errors import BadInput
from ckpt_ops.intake.acknowledging import acknowledgement_of, lifting_of
from ckpt_ops.intake.decisions import check_late, check_tainted, taint_of
from ckpt_ops.lineage import LineageState
from ckpt_ops.lineage.awaiting import why_void
from ckpt_ops.lineage.quarantined import one_in_quarantine
from ckpt_ops.lineage.state import SliceStatus
from ckpt_ops.promotion.approval import approval_of, rejection_of
from ckpt_ops.promotion.decisions import rollback_of
from ckpt_ops.views.shapes import Choice

_WHY = "asked"


def on_version(state: LineageState, number: int) -> dict[str, Choice]:
    """By action. Files are not looked at: a rollback or a promotion may still find that one is gone."""
    return {
        "approve": _approve(state, number, despite_gates=False),
        "reject": _choice(lambda: rejection_of(state, number, _WHY)),
        "promote-despite-gates": _approve(state, number, despite_gates=True),
        "rollback": _choice(lambda: rollback_of(state, number, _WHY)),
    }


def on_slice(state: LineageState, key: str) -> dict[str, Choice]:
    """By action."""
    in_quarantine = _choice(lambda: one_in_quarantine(state, key))
    return {
        "release": in_quarantine,
        "discard": in_quarantine,
        "withdraw": _withdraw(state, key),
        "taint": _choice(lambda: taint_of(state, key, _WHY)),
        "lift-taint": _choice(lambda: check_tainted(state, key)),
        "resolve": _choice(lambda: check_late(state, key)),
    }


def on_missing(state: LineageState, key: str) -> dict[str, Choice]:
    """By action, on a slice that has not come."""
    known = state.acknowledged.get(key)
    acknowledge = _choice(lambda: acknowledgement_of(state, key, _WHY))
    if acknowledge.possible and known is not None:
        acknowledge = Choice(possible=False, why_not=f"It is acknowledged already, by {known.actor}.")
    return {
        "acknowledge-missing": acknowledge,
        "lift-acknowledgement": _choice(lambda: lifting_of(state, key, _WHY)),
    }


def _approve(state: LineageState, number: int, *, despite_gates: bool) -> Choice:
    one = state.version(number)
    if one.evaluated is None:
        return Choice(possible=False, why_not=f"It is not evaluated: it is {one.status.value}.")
    if despite_gates and one.evaluated.passed:
        return Choice(possible=False, why_not="Its gates let it pass: it can be approved.")
    found = _choice(lambda: approval_of(state, number, _WHY, despite_gates=despite_gates))
    if not found.possible or approval_of(state, number, _WHY, despite_gates=despite_gates) is not None:
        return found
    void = why_void(state, number)
    why = f"It can no longer be promoted: {void.reason}." if void else "It is approved already."
    return Choice(possible=False, why_not=why)


def _withdraw(state: LineageState, key: str) -> Choice:
    if state.slices[key].status is SliceStatus.WITHDRAWN and key not in state.consumed:
        return Choice(possible=False, why_not="It is withdrawn already.")
    return Choice(possible=True)


def _choice(ask: Callable[[], object]) -> Choice:
    try:
        ask()
    except BadInput as error:
        return Choice(possible=False, why_not=f"Possible is {error.allowed}.")
    return Choice(possible=True)
