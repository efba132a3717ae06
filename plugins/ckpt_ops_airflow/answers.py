"""What a person answered, from a task's result into the model's log."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ckpt_ops.pipeline import Pipeline
    from ckpt_ops.store import Store

APPROVE, REJECT = "Approve", "Reject"


def record_answer(pipeline: Pipeline, store: Store, answered: Mapping[str, Any] | None) -> None:
    """Record what the task's result says; an answer that comes too late, or was recorded, changes nothing."""
    from ckpt_ops.pipeline.waiting import say_expired
    from ckpt_ops.serving import answer

    if not answered or answered["answer"] is None:
        return
    if answered["expired"]:
        say_expired(pipeline, store, answered["version"])
        return
    answer(
        store,
        pipeline.name,
        answered["version"],
        approved=answered["answer"] == APPROVE,
        why=answered["why"] or f"{answered['answer']}, without a reason",
        actor=answered["by"],
    )
