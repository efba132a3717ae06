"""Consumed slices that have changed at their source since, and what a person can do about them."""

from __future__ import annotations

from typing import Any

from ckpt_ops.lineage.state import LineageState


def changed_view(state: LineageState) -> list[dict[str, Any]]:
    """Consumed slices that have changed at their source since, and what to do about each."""
    return [
        {
            "key": key,
            "since": since,
            "consumed_by": state.consumed_by(key),
            "next": pull_command(state.model, key),
        }
        for key, since in state.changed_slices.items()
    ]


def pull_command(model: str, key: str) -> str:
    """What a person can do about a changed slice."""
    return (
        f"ckpt-ops run {model} --slice {key}, or clear its run in Airflow: the slice is pulled and validated "
        f"again, and ckpt-ops plan {model} then shows what follows"
    )
