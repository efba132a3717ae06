"""Decisions on a slice that has not come: what each would do, and doing it."""

from __future__ import annotations

from ckpt_ops.actions.asked import Asked, Preview, impossible
from ckpt_ops.intake import acknowledging
from ckpt_ops.lineage import LineageState
from ckpt_ops.lineage.missing import may_be_missing
from ckpt_ops.store import Store


def preview_acknowledge(state: LineageState, asked: Asked) -> Preview:
    """Say why a slice is missing."""
    key = asked.key
    title = f"Acknowledge that slice {key} is missing?"
    if not may_be_missing(state, key):
        return impossible(title, _not_missing(state, key))
    known = state.acknowledged.get(key)
    if known is not None:
        why_not = f"It is acknowledged already, by {known.actor}: {known.reason}"
        return impossible(title, why_not, already=True)
    newer = state.newer_than(key)
    comes = f"If it comes all the same, it is validated as any other{_late(newer)}."
    will = (
        "It no longer counts as something that needs a person. It stays listed as missing, with your reason.",
        "Its run, and every other, does what it did before: nothing is trained or skipped by this.",
        comes,
        "It can be taken back.",
    )
    return Preview(title=title, will=will)


def acknowledge(store: Store, model: str, asked: Asked) -> str:
    """See `intake.acknowledging.acknowledge`."""
    acknowledging.acknowledge(store, model, asked.key, asked.why)
    return f"It is acknowledged that slice {asked.key} is missing."


def preview_lift(state: LineageState, asked: Asked) -> Preview:
    """Take an acknowledgement back."""
    key = asked.key
    title = f"Take back that slice {key} may be missing?"
    known = state.acknowledged.get(key)
    if known is None:
        already = may_be_missing(state, key)
        return impossible(title, "Nobody has acknowledged that it is missing.", already=already)
    if key in state.slices:
        return impossible(title, _not_missing(state, key))
    will = (f"It was acknowledged by {known.actor}: {known.reason}", "It needs a person again.")
    return Preview(title=title, will=will)


def lift(store: Store, model: str, asked: Asked) -> str:
    """See `intake.acknowledging.lift`."""
    acknowledging.lift(store, model, asked.key, asked.why)
    return f"Slice {asked.key} is missing, and needs a person again."


def _not_missing(state: LineageState, key: str) -> str:
    entry = state.slices.get(key)
    if entry is not None:
        return f"It is not missing: it has come, and is {entry.status.value}."
    return "It is not missing: by the spacing of the newest slices there is none between them of this key."


def _late(newer: int) -> str:
    if not newer:
        return ""
    return f"; {newer:,} consumed slice{' is' if newer == 1 else 's are'} newer, so it is late then"
