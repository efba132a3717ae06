"""What a run of a slice would train, and what blocks that: a pure function of the log's state.

It takes nothing but values: the state as it was read, the pipeline's description, and the digests of its
code and libraries, which the caller has computed once. So a task, the process that trains, a preview of a
backfill and a back-test all come to the same answer.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from ckpt_ops.candidates.settings import rows_consumed, training_config
from ckpt_ops.lineage import Action, LineageState, Plan, VersionState, candidate_id, plan, repeated
from ckpt_ops.lineage.awaiting import waits
from ckpt_ops.lineage.planner import Repeated
from ckpt_ops.lineage.records import Again, CandidateStarted, SliceRef
from ckpt_ops.pipeline.code.digests import Digests
from ckpt_ops.pipeline.pipeline import Pipeline


@dataclass(frozen=True, kw_only=True)
class Candidate:
    """What would be trained.

    Attributes:
        version: its number, or the one that it gets if no other candidate comes first.
        id: names the work; see `lineage.candidate_id`.
        late, shadow, reason: as the record that opens it has them.
        opened: the record that opened it, when the log has it already.
    """

    version: int
    id: str
    parent: int | None
    slices: tuple[SliceRef, ...]
    late: bool = False
    shadow: int = 0
    reason: str = ""
    opened: CandidateStarted | None = None

    def record(self) -> CandidateStarted:
        """The record that opened it, else a new one."""
        if self.opened is not None:
            return self.opened
        return CandidateStarted(
            version=self.version,
            candidate=self.id,
            parent=self.parent,
            slices=self.slices,
            late=self.late,
            shadow=self.shadow,
            reason=self.reason,
        )


@dataclass(frozen=True, kw_only=True)
class Proposal:
    """The planner's answer for a slice, and the candidate that follows from it.

    Attributes:
        candidate: None when the plan trains nothing, or another version blocks it.
        repeated: the same candidate was tried before and came to nothing.
        blocked_by: a version that waits for a person: until it is decided on, no other candidate is trained.
    """

    plan: Plan
    candidate: Candidate | None = None
    repeated: Repeated | None = None
    blocked_by: VersionState | None = None

    @property
    def to_train(self) -> Candidate | None:
        """The candidate, unless it was tried before."""
        return None if self.repeated is not None else self.candidate

    @property
    def obstacle(self) -> str | None:
        """The message why nothing is trained though the plan may say so; None when nothing blocks it."""
        if self.repeated is not None:
            return self.repeated.message
        return None if self.blocked_by is None else blocked_words(self.blocked_by)


def propose(pipeline: Pipeline, state: LineageState, key: str, *, digests: Digests) -> Proposal:
    """What a run of slice `key` would train in `state`, with the pipeline's settings and code."""
    return proposal_of(pipeline, state, plan_slice(pipeline, state, key), digests=digests)


def proposal_of(pipeline: Pipeline, state: LineageState, planned: Plan, *, digests: Digests) -> Proposal:
    """As `propose`, for a plan that is made already."""
    waiting = waiting_version(pipeline, state)
    if planned.action not in (Action.APPEND, Action.LATE):
        return Proposal(plan=planned, blocked_by=waiting)
    known = candidate_of(pipeline, state, state.head, planned.slices, digests=digests)
    if waiting is not None and (waiting.parent, waiting.candidate) != (state.head, known):
        return Proposal(plan=planned, blocked_by=waiting)
    opened = _opened(state, known)
    candidate = Candidate(
        version=state.next_version if opened is None else opened.version,
        id=known,
        parent=state.head,
        slices=planned.slices,
        late=planned.action is Action.LATE,
        shadow=pipeline.shadow.slices if pipeline.shadow and state.head is not None else 0,
        reason=planned.why,
        opened=opened,
    )
    return Proposal(plan=planned, candidate=candidate, repeated=repeated(state, planned, candidate=known))


def plan_slice(pipeline: Pipeline, state: LineageState, key: str) -> Plan:
    """The planner's answer under the pipeline's settings."""
    return plan(
        state,
        key,
        late_within=pipeline.late_slices.within.count,
        max_rejections=pipeline.max_rejections,
    )


def candidate_of(
    pipeline: Pipeline,
    state: LineageState,
    parent: int | None,
    slices: Sequence[SliceRef],
    *,
    digests: Digests,
    again: Again | None = None,
) -> str:
    """The id of the candidate that training `parent` on `slices` with these settings and code makes.

    Args:
        again: it is a retraining; None: an ordinary candidate.
    """
    return candidate_id(
        parent=None if parent is None else state.versions[parent].candidate,
        slices=slices,
        config=training_config(
            pipeline,
            again,
            new=sum(ref.rows for ref in slices),
            consumed=rows_consumed(state, parent),
        ),
        code_digest=digests.code,
        lock_digest=digests.lock,
    )


def waiting_version(pipeline: Pipeline, state: LineageState) -> VersionState | None:
    """The newest version that the gates let pass and that waits for a person's approval."""
    if pipeline.approval is None:
        return None
    newest_first = reversed(state.versions.values())
    return next((version for version in newest_first if waits(state, version)), None)


def blocked_words(version: VersionState) -> str:
    """Why nothing else is trained on the same parent while a version waits."""
    return (
        f"version {version.version} waits for approval: the next candidate is trained once it is decided on"
    )


def usable(state: LineageState, version: VersionState) -> bool:
    """Whether something may be built on the version, as far as the log says."""
    gone = version.version in state.dropped or version.version in state.tainted_versions
    return not version.spent and not gone


def _opened(state: LineageState, candidate: str) -> CandidateStarted | None:
    """The record that opened this candidate on the head, when it may still be trained to its end."""
    found = state.by_candidate(candidate, parent=state.head)
    goes_on = found is not None and found.open and found.champion == state.head and usable(state, found)
    return found.started if found is not None and goes_on else None
