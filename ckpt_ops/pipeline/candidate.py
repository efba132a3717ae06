"""What a run would train: the plan, the candidate's id, and the record that opens it."""

from __future__ import annotations

from ckpt_ops.errors import LineageMoved
from ckpt_ops.lineage import Action, LineageState, ModelLog, Plan, VersionState, candidate_id, plan
from ckpt_ops.lineage.records import CandidateStarted, Record
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


def open_candidate(pipeline: Pipeline, log: ModelLog, key: str, candidate: str) -> VersionState:
    """Give `candidate` its version number; it keeps the one that it has.

    Raises:
        LineageMoved: training on the slice would give another candidate by now, or none.
    """

    def choose(state: LineageState) -> Record | None:
        record = proposed(pipeline, state, key)
        if record is None or record.candidate != candidate:
            raise moved(log.model, key)
        return None if state.by_candidate(candidate) else record

    opened = log.decide(choose).by_candidate(candidate)
    if opened is None:
        raise moved(log.model, key)
    return opened


def moved(model: str, key: str) -> LineageMoved:
    """What was to be trained for the slice when the run asked for it is not what is to be trained now."""
    return LineageMoved(
        f"while the model was built, the history of {model} or its code changed: slice {key} would make "
        "another candidate now, or none",
        safe="nothing was trained, no version or checkpoint was added; the champion serves on",
        next="nothing: a retry plans again",
    )
