"""A person's word on a version, carried out."""

from __future__ import annotations

from typing import Any

from ckpt_ops import serving
from ckpt_ops.pipeline.description import Pipeline
from ckpt_ops.pipeline.steps import promote
from ckpt_ops.store import Store


def approve(
    pipeline: Pipeline, store: Store, version: int, why: str, *, despite_gates: bool = False
) -> dict[str, Any]:
    """Approve a version and promote it; returns what `steps.promote` does.

    Killed in between, it is finished by a second call, or by the next run.

    Raises:
        BadInput: as `serving.approve` says.
    """
    serving.approve(store, pipeline.name, version, why, despite_gates=despite_gates)
    return promote(pipeline, store, version)
