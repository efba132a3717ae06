"""What a run would train: the plan, the candidate's id, and the record that opens it."""

from __future__ import annotations

from ckpt_ops.lineage import Action, LineageState, Plan, candidate_id, plan
from ckpt_ops.lineage.records import CandidateStarted
from ckpt_ops.pipeline.description import Pipeline
from ckpt_ops.pipeline.digests import code_digest, lock_digest


def plan_slice(pipeline: Pipeline, state: LineageState, key: str) -> Plan:
    """The planner's answer under the pipeline's settings."""
    return plan(
        state,
        key,
        late_within=pipeline.late_slices.within.count,
        max_rejections=pipeline.max_rejections,
    )


def candidate_of(pipeline: Pipeline, state: LineageState, planned: Plan) -> str:
    """The id of what training on `planned` would give, with the code and settings of now."""
    return candidate_id(
        parent=state.head,
        slices=planned.slices,
        config=pipeline.training_config(),
        code_digest=code_digest(pipeline.folder),
        lock_digest=lock_digest(),
    )


def proposed(pipeline: Pipeline, state: LineageState, key: str) -> CandidateStarted | None:
    """The record that would open a candidate for the slice; None when nothing is to be trained on it."""
    planned = plan_slice(pipeline, state, key)
    if planned.action not in (Action.APPEND, Action.LATE):
        return None
    return CandidateStarted(
        version=max(state.versions, default=0) + 1,
        candidate=candidate_of(pipeline, state, planned),
        parent=state.head,
        slices=planned.slices,
        late=planned.action is Action.LATE,
        reason=planned.why,
    )
