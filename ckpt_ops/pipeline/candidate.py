"""What a run would train: the plan, the candidate's id, and the record that opens it."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from ckpt_ops.errors import LineageMoved
from ckpt_ops.lineage import Action, LineageState, ModelLog, Plan, VersionState, candidate_id, plan
from ckpt_ops.lineage.records import CandidateStarted, Record, SliceRef
from ckpt_ops.pipeline.code.own import code_digest
from ckpt_ops.pipeline.description import Pipeline
from ckpt_ops.pipeline.digests import lock_digest
from ckpt_ops.pipeline.waiting import waiting


def plan_slice(pipeline: Pipeline, state: LineageState, key: str) -> Plan:
    """The planner's answer under the pipeline's settings."""
    return plan(
        state,
        key,
        late_within=pipeline.late_slices.within.count,
        max_rejections=pipeline.max_rejections,
    )


def candidate_of(
    pipeline: Pipeline, state: LineageState, parent: int | None, slices: Sequence[SliceRef]
) -> str:
    """The id of what training version `parent` on `slices` would give, with the code and settings of now."""
    return candidate_id(
        parent=None if parent is None else state.versions[parent].candidate,
        slices=slices,
        config=pipeline.training_config(),
        code_digest=code_digest(pipeline),
        lock_digest=lock_digest(),
    )


def proposed(pipeline: Pipeline, state: LineageState, key: str) -> CandidateStarted | None:
    """The record that opens, or has opened, a candidate for the slice; None when nothing is to be trained."""
    planned = plan_slice(pipeline, state, key)
    if planned.action not in (Action.APPEND, Action.LATE) or in_the_way(pipeline, state, planned.slices):
        return None
    wanted = CandidateStarted(
        version=state.next_version,
        candidate=candidate_of(pipeline, state, state.head, planned.slices),
        parent=state.head,
        slices=planned.slices,
        late=planned.action is Action.LATE,
        shadow=pipeline.shadow.slices if pipeline.shadow and state.head is not None else 0,
        reason=planned.why,
    )
    found = state.by_candidate(wanted.candidate, parent=wanted.parent)
    goes_on = found is not None and found.open and found.champion == state.head and usable(state, found)
    return found.started if found and goes_on else wanted


def in_the_way(pipeline: Pipeline, state: LineageState, slices: Sequence[SliceRef]) -> VersionState | None:
    """The version that waits for a person, unless it is what training `slices` on the head would give."""
    waits = waiting(pipeline, state)
    if waits is None or waits.parent != state.head or not slices:
        return waits
    same = waits.candidate == candidate_of(pipeline, state, state.head, slices)
    return None if same else waits


def usable(state: LineageState, version: VersionState) -> bool:
    """Whether something may be built on the version, as far as the log says."""
    gone = version.version in state.dropped or version.version in state.tainted_versions
    return not version.spent and not gone


def open_candidate(
    log: ModelLog, wanted: CandidateStarted, propose: Callable[[LineageState], CandidateStarted | None]
) -> VersionState:
    """Give `wanted` its version number; it keeps the one that it has.

    Args:
        propose: what is to be trained in a state, by the record that opens it or has opened it; None for
            nothing.

    Raises:
        LineageMoved: that is another candidate by now, or none.
    """
    number = wanted.version

    def choose(state: LineageState) -> Record | None:
        nonlocal number
        record = same(propose(state), wanted, model=log.model)
        number = record.version
        return None if number in state.versions else record

    return log.decide(choose).versions[number]


def same(found: CandidateStarted | None, wanted: CandidateStarted, *, model: str) -> CandidateStarted:
    """`found`, when it is the candidate that was wanted; by what it is and not by its number.

    Raises:
        LineageMoved: it is another one, or none.
    """
    if found is None or (found.candidate, found.parent) != (wanted.candidate, wanted.parent):
        raise moved(model)
    return found


def moved(model: str) -> LineageMoved:
    """What was to be trained when the run asked for it is not what is to be trained now."""
    return LineageMoved(
        f"while the model was built, the history of {model} or its code changed: there is another candidate "
        "to train now, or none",
        safe="nothing was trained, no version or checkpoint was added; the champion serves on",
        next="nothing: a retry plans again",
    )
