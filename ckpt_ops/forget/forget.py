"""Forgetting, until nothing in production knows the rows any more; `purge` removes the rest.

In this order, so that a stopped command can be repeated and goes on where it stopped:

1. `Forgotten` in the log. From now on no such row is accepted, wherever it comes from.
2. A record for each current slice with such rows: a revision without them, or withdrawn.
3. The rebase that follows from it, evaluated by the gates. If they reject it, the champion serves on,
   and still knows the rows.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from ckpt_ops.errors import LineageMoved, TerminalError
from ckpt_ops.forget.request import GRACE_HOURS, Asked, check, find, record_request
from ckpt_ops.forget.slices import Change, apply, as_if, changes
from ckpt_ops.intake.holders import Holder, holders
from ckpt_ops.lineage import LineageState, ModelLog
from ckpt_ops.lineage.rebase import RebasePlan, plan_rebase
from ckpt_ops.lineage.records import Purged, slice_id
from ckpt_ops.pipeline.intake import Intake
from ckpt_ops.pipeline.naming import file_of
from ckpt_ops.pipeline.pipeline import Pipeline
from ckpt_ops.pipeline.step_results import Rebased
from ckpt_ops.promotion import publish
from ckpt_ops.promotion.decisions import check_reason
from ckpt_ops.runs import rebase as rebasing
from ckpt_ops.slices.row_search import Found, Progress, silent
from ckpt_ops.store import Store

_ATTEMPTS = 16


@dataclass(frozen=True, kw_only=True)
class Preview:
    """What forgetting would do.

    Attributes:
        changes: of the model's slices.
        consumed: versions that consumed a revision with such rows, or descend from one that did. They
            would be purged.
        knows: whether the head is among them, so that a rebase is due.
        plan: the rebase.
        kept: what other models need of the revisions.
        grace_hours: as requested, else the default.
        purged: the record, if it was purged already.
    """

    asked: Asked
    found: Found
    changes: tuple[Change, ...]
    consumed: tuple[int, ...]
    knows: bool
    plan: RebasePlan | None
    kept: tuple[Holder, ...]
    grace_hours: float
    purged: Purged | None


@dataclass(frozen=True, kw_only=True)
class Done:
    """How far forgetting has come.

    Attributes:
        known: the log has such a request; False: nothing holds such rows, and nothing was recorded.
        changes: of slices, recorded now.
        rebased: the result of the rebase; None: none was due.
    """

    known: bool
    found: Found
    changes: tuple[Change, ...]
    rebased: Rebased | None

    @property
    def refused(self) -> bool:
        """The gates rejected the rebase: the champion still knows the rows."""
        return self.rebased is not None and not self.rebased.settled.promoted


def preview(intake: Intake, store: Store, asked: Asked, progress: Progress = silent) -> Preview:
    """What `forget` would do. Changes nothing, and makes no revision.

    Raises:
        As `check` and `find`.
    """
    state = ModelLog(store, asked.model).state()
    if asked.request not in state.forgotten:
        check(intake, store, asked)
    found = find(intake, store, asked, progress)
    due = changes(state, found)
    names = {one.name for one in found.holding}
    known = state.forgotten.get(asked.request)
    consumed = consumers_of(state, names | set(known.revisions if known else ()))
    knows = state.head in consumed
    return Preview(
        asked=asked,
        found=found,
        changes=due,
        consumed=consumed,
        knows=knows,
        plan=plan_rebase(as_if(state, due)) if knows else None,
        kept=holders(store, sorted(names), own=state, with_own=False),
        grace_hours=known.grace_hours if known else GRACE_HOURS,
        purged=state.purged.get(asked.request),
    )


def forget(
    intake: Intake,
    store: Store,
    asked: Asked,
    *,
    why: str,
    grace_hours: float | None = None,
    report: Callable[[str], None] = print,
    progress: Progress = silent,
) -> Done:
    """Take the rows out of every slice, and of the champion. Repeated, it goes on where it stopped.

    Args:
        grace_hours: how long the old checkpoints stay once the champion has forgotten; see `record_request`.

    Raises:
        BadInput: no reason is given; or as `check`.
        TerminalError: no consumed slice would be left.
        TrainingDied, LineageMoved, and what else `rebase` raises. Repeated, it goes on.
    """
    check_reason(why)
    if asked.request not in ModelLog(store, asked.model).state().forgotten:
        check(intake, store, asked)
    state, found = record_request(intake, store, asked, why=why, grace_hours=grace_hours, progress=progress)
    record = state.forgotten.get(asked.request)
    if record is None:
        return Done(known=False, found=found, changes=(), rebased=None)
    done = revise(store, intake, asked, found, record.reason)
    for change in done:
        report(f"slice {change.key}: {change.becomes.value} ({change.rows:,} of {change.was.rows:,} rows)")
    state = ModelLog(store, asked.model).state()
    if state.head not in consumers_of(state, record.revisions):
        publish(store, asked.model, state)  # the process that promoted it may have stopped before that
        return Done(known=True, found=found, changes=done, rebased=None)
    return Done(known=True, found=found, changes=done, rebased=_rebase(intake, store, state, report))


def consumers_of(state: LineageState, revisions: Iterable[tuple[str, str]]) -> tuple[int, ...]:
    """Versions that consumed any of `revisions`, each (key, revision), or descend from one that did."""
    return state.consumers_of({slice_id(key, revision) for key, revision in revisions})


def revise(store: Store, intake: Intake, asked: Asked, found: Found, why: str) -> tuple[Change, ...]:
    """Record what becomes of every current slice with such rows; returns the changes made now.

    Raises:
        LineageMoved: the slices kept changing. Call it again.
    """
    log = ModelLog(store, asked.model)
    done: list[Change] = []
    for _ in range(_ATTEMPTS):
        due = changes(log.state(), found)
        if not due:
            return tuple(done)
        for change in due:
            reason = f"forgotten ({asked.request}): {why}"
            apply(store, log, intake.source.name, change, asked.predicates, reason)
        done += due
    raise LineageMoved(
        f"slices of {asked.model} changed {_ATTEMPTS} times while rows of them were forgotten",
        safe="nothing that was forgotten is accepted any more; nothing was removed",
        next="run the same command again: it goes on",
    )


def _rebase(intake: Intake, store: Store, state: LineageState, report: Callable[[str], None]) -> Rebased:
    plan = plan_rebase(state)
    if plan is not None and plan.empties:
        raise TerminalError(
            f"every slice that {state.model} consumed is forgotten: nothing would be left to train on",
            safe="nothing was removed; the champion serves on, and still knows what was to be forgotten",
            next=f"deliver other slices, then run the same command again; or stop serving {state.model}",
        )
    if not isinstance(intake, Pipeline):
        raise TerminalError(
            f"version {state.head} of {state.model} knows the rows, and {state.model} is not a pipeline with "
            "a model any more: it cannot be trained without them",
            safe="nothing was removed; nothing that was forgotten is accepted any more",
            next=f"describe the Pipeline in {file_of(state.model)} again",
        )
    return rebasing.rebase(intake, store, report)
