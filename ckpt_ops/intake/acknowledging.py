"""A person says why a slice is missing, or takes that back: one record each."""

from __future__ import annotations

from functools import partial

from ckpt_ops.errors import BadInput
from ckpt_ops.lineage import LineageState, ModelLog
from ckpt_ops.lineage.missing import acknowledged_keys, may_be_missing, unanswered_keys
from ckpt_ops.lineage.records import AcknowledgementLifted, MissingAcknowledged
from ckpt_ops.promotion.decisions import check_reason
from ckpt_ops.slices import check_key
from ckpt_ops.store import Store

_NAMED = 10


def acknowledge(store: Store, model: str, key: str, why: str) -> LineageState:
    """Acknowledge that a slice is missing: nobody is asked to look after it any more.

    If it comes all the same, it is taken as any other. What was acknowledged before stays as it was said.

    Raises:
        BadInput: the slice is there, or none is due by the spacing of the others; or no reason is given.
    """
    check_reason(why)
    check_key(key, field="slice")
    return ModelLog(store, model).decide(partial(acknowledgement_of, key=key, why=why))


def acknowledgement_of(state: LineageState, key: str, why: str) -> MissingAcknowledged | None:
    """The record after `state`; None: it is acknowledged already. Raises as `acknowledge`."""
    if not may_be_missing(state, key):
        allowed = f"a slice that is missing by the spacing of the others: {_few(unanswered_keys(state))}"
        raise BadInput("slice", key, allowed, next=f"ckpt-ops slices {state.model}")
    return None if key in state.acknowledged else MissingAcknowledged(key=key, reason=why)


def lift(store: Store, model: str, key: str, why: str) -> LineageState:
    """Take an acknowledgement back: the slice needs a person again, as long as it is missing.

    Raises:
        BadInput: no missing slice of this key is acknowledged, or no reason is given.
    """
    check_reason(why)
    check_key(key, field="slice")
    return ModelLog(store, model).decide(partial(lifting_of, key=key, why=why))


def lifting_of(state: LineageState, key: str, why: str) -> AcknowledgementLifted:
    """The record after `state`. Raises as `lift`."""
    known = acknowledged_keys(state)
    if key not in known:
        raise BadInput("slice", key, f"a missing slice that is acknowledged: {_few(known)}")
    return AcknowledgementLifted(key=key, reason=why)


def _few(keys: list[str]) -> str:
    """The newest of them: a refusal is read by a person."""
    shown = ", ".join(keys[-_NAMED:]) or "none"
    return f"... {shown}" if len(keys) > _NAMED else shown
