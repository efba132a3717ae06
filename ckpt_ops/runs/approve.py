"""A person's approval of a version: recorded, then carried out."""

from __future__ import annotations

from ckpt_ops import promotion
from ckpt_ops.pipeline.pipeline import Pipeline
from ckpt_ops.pipeline.step_results import Settled
from ckpt_ops.runs.promote import promote
from ckpt_ops.store import Store


def approve(
    pipeline: Pipeline, store: Store, version: int, why: str, *, despite_gates: bool = False
) -> Settled:
    """Approve a version and promote it; returns what `promote` does.

    If it is killed in between, a second call or the next run finishes it.

    Raises:
        BadInput: as `promotion.approve`.
    """
    promotion.approve(store, pipeline.name, version, why, despite_gates=despite_gates)
    return promote(pipeline, store, version)
