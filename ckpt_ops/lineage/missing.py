"""Slices that should have come by the spacing of the others, and have not."""

from __future__ import annotations

from datetime import datetime

from ckpt_ops.key_times import form_of, time_of
from ckpt_ops.lineage.spacing import expected_keys
from ckpt_ops.lineage.state import LineageState

LOOKED_AT = 1_000
"""Slices, of the newest, between which missing ones are looked for."""


def missing_keys(state: LineageState) -> list[str]:
    """Keys between those of the newest slices that should have come by their spacing, and have not.

    Those that a person acknowledged are among them. Of the newest `LOOKED_AT`: beyond `spacing.AT_MOST` in a
    range, no key is expected at all.
    """
    return [key for key in expected_keys(_newest(state)) if key not in state.slices]


def acknowledged_keys(state: LineageState) -> list[str]:
    """Keys of missing slices that a person acknowledged, and that have not come since."""
    return sorted(state.acknowledged.keys() - state.slices.keys())


def answered_keys(state: LineageState) -> set[str]:
    """Keys that need nobody when a run finds no slice: the slice is there, or a person said why it is not."""
    return {*state.slices, *state.acknowledged}


def unanswered_keys(state: LineageState) -> list[str]:
    """Keys of missing slices that nobody acknowledged."""
    return [key for key in missing_keys(state) if key not in state.acknowledged]


def may_be_missing(state: LineageState, key: str) -> bool:
    """Whether a slice of this key is due by the spacing of the newest ones and is not there.

    One after the newest slice may be: a run found that its source has none, or a holiday is known beforehand.
    """
    keys = _newest(state)
    form = form_of(key)
    time = time_of(key, form) if form is not None else None
    if key in state.slices or time is None or not keys or key < keys[0]:
        return False
    return key in missing_keys(state) or key in expected_keys(keys, last=time, reaches=True)


def key_like(state: LineageState, start: datetime) -> str | None:
    """The key of a slice that begins then, written as the newest one is; None: nobody can say.

    Args:
        start: on the clocks by which slices are named.
    """
    newest = max(state.slices, default="")
    form = form_of(newest)
    return start.strftime(form) if form is not None else None


def _newest(state: LineageState) -> list[str]:
    return sorted(state.slices)[-LOOKED_AT:]
