"""How far a rebase has come: what is done already, and what comes next.

It follows from the log alone (`lineage.rebase`). A step is known by its candidate id, which identifies
all that was consumed: so one that was trained before, by this rebase or any other, is not trained again,
and a rebase that was killed goes on where it stopped.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial

from ckpt_ops.candidates.proposal import candidate_of, usable
from ckpt_ops.candidates.settings import in_one_process
from ckpt_ops.lineage import LineageState, VersionState
from ckpt_ops.lineage.rebase import RebasePlan, Unit, plan_rebase
from ckpt_ops.lineage.records import CandidateStarted
from ckpt_ops.pipeline.code.digests import digests_of
from ckpt_ops.pipeline.pipeline import Pipeline


@dataclass(frozen=True, kw_only=True)
class RebaseProgress:
    """How far a rebase has come.

    Attributes:
        done: versions of the steps that are trained, in order.
        next: what would open the next step; None when all are trained.
        result: the version that would become the head; None as long as steps are left.
    """

    plan: RebasePlan
    done: tuple[int, ...]
    next: CandidateStarted | None
    result: int | None

    @property
    def step(self) -> int:
        """The number of the next step, from 1."""
        return len(self.done) + 1


def progress_of(pipeline: Pipeline, state: LineageState) -> RebaseProgress | None:
    """How far the rebase of the pipeline's model has come; None when there is nothing to rebase."""
    plan = plan_rebase(state)
    if plan is None:
        return None
    done: list[int] = []
    at, digests = plan.fork, digests_of(pipeline)
    for number, unit in enumerate(plan.replay, start=1):
        last = number == len(plan.replay)
        of_unit = partial(candidate_of, digests=digests, again=unit.again)
        wanted = CandidateStarted(
            version=state.next_version,
            candidate=of_unit(in_one_process(pipeline), state, at, unit.slices),
            parent=at,
            slices=unit.slices,
            replaces=state.head,
            again=unit.again,
            reason=_reason(plan, unit),
        )
        found = state.by_candidate(wanted.candidate, parent=at)
        if found is None or not _serves(state, found, last=last):
            # what several workers trained is the step as well; what they only began is theirs to end
            found = state.by_candidate(of_unit(pipeline, state, at, unit.slices), parent=at)
            if found is not None and (found.trained is None or not _serves(state, found, last=last)):
                found = None
        if found is None or found.trained is None:
            opened = found.started if found else wanted
            return RebaseProgress(plan=plan, done=tuple(done), next=opened, result=None)
        at = found.version
        done.append(at)
    return RebaseProgress(plan=plan, done=tuple(done), next=None, result=at)


def next_step(pipeline: Pipeline, state: LineageState) -> CandidateStarted | None:
    """The record that opens, or opened, the next step of the rebase; None when none is left."""
    on = progress_of(pipeline, state)
    return on.next if on else None


def _serves(state: LineageState, version: VersionState, *, last: bool) -> bool:
    """Whether the version can be the step, or become it once its training has ended."""
    if not usable(state, version) or (version.trained is None and not version.open):
        return False
    if not last or version.promoted is not None:
        return True
    return version.open and version.champion == state.head  # the result is evaluated against the champion


def why(plan: RebasePlan) -> str:
    """What changed, in short."""
    return ", ".join(f"{change.key} {change.what}" for change in plan.changes)


def _reason(plan: RebasePlan, unit: Unit) -> str:
    place = "a new step" if unit.stands_for is None else f"in place of version {unit.stands_for.version}"
    return f"rebase ({why(plan)}): {place}"
