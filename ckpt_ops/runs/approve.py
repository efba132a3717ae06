"""A person's word on a version, carried out."""

from __future__ import annotations

from ckpt_ops import promotion as serving
from ckpt_ops.pipeline.pipeline import Pipeline
from ckpt_ops.pipeline.step_results import Settled
from ckpt_ops.runs.promote import promote
from ckpt_ops.store import Store


def approve(
    pipeline: Pipeline, store: Store, version: int, why: str, *, despite_gates: bool = False
) -> Settled:
    """Approve a version and promote it; returns what `promote` does.

    Killed in between, it is finished by a second call, or by the next run.

    Raises:
        BadInput: as `serving.approve` says.
    """
    serving.approve(store, pipeline.name, version, why, despite_gates=despite_gates)
    return promote(pipeline, store, version)
