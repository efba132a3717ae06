"""From a task's result to the model's log: what a person answered."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ckpt_ops.pipeline.step_results import Answer, Answered

if TYPE_CHECKING:
    from ckpt_ops.pipeline import Pipeline
    from ckpt_ops.store import Store


def record_answer(pipeline: Pipeline, store: Store, answered: Answered | None) -> None:
    """Record what the task's result says; one that is too late, or recorded already, changes nothing."""
    from ckpt_ops.lineage.records import acting_as
    from ckpt_ops.promotion import answer
    from ckpt_ops.promotion.waiting import record_expired

    if answered is None or answered.answer is None:
        return
    if answered.expired:
        record_expired(pipeline, store, answered.version)
        return
    approved, why = answered.answer is Answer.APPROVE, answered.why or f"{answered.answer}, without a reason"
    with acting_as(answered.by):
        answer(store, pipeline.name, answered.version, approved=approved, why=why)
