"""The task `promote`, and what else settles a version: a deadline that has passed, a head that has moved."""

from __future__ import annotations

from datetime import datetime

from ckpt_ops.lineage import LineageState, ModelLog, VersionState, VersionStatus
from ckpt_ops.lineage.awaiting import waits
from ckpt_ops.lineage.records import Rejected
from ckpt_ops.lineage.shadow import superseded
from ckpt_ops.pipeline.pipeline import Pipeline
from ckpt_ops.pipeline.step_results import Settled, Settlement, settlement_of
from ckpt_ops.promotion import settle
from ckpt_ops.promotion.card import write_card
from ckpt_ops.promotion.waiting import approve_command, due_by, overdue, record_expired
from ckpt_ops.runs.prune import prune
from ckpt_ops.store import Store
from ckpt_ops.views.known_model import keep_views
from ckpt_ops.views.sizes import measure_if_due


def promote(pipeline: Pipeline, store: Store, version: int) -> Settled:
    """Promote the version if every gate passed, else reject it.

    It may stay as it is: waiting for a person's approval, or in shadow, to be evaluated again.

    Raises:
        BadInput, ObjectNotFound, Corrupt: as `promotion.settle`.
    """
    state = settle(store, pipeline.name, version, needs_approval=pipeline.approval is not None)
    settled = state.version(version)
    if pipeline.approval is not None and waits(state, settled):
        until = f"{due_by(pipeline.approval, settled):%Y-%m-%d %H:%M} UTC"
        why = f"the gates let it pass; it waits until {until} for: {approve_command(pipeline.name, version)}"
        return Settled(version=version, decision=Settlement.WAITING, why=why)
    prune(pipeline, store)
    measure_if_due(store, state)
    keep_views(store, pipeline.name)
    decision = settlement_of(settled.status, superseded=settled.superseded)
    return Settled(version=version, decision=decision, why=_why(settled))


def settle_overdue(
    pipeline: Pipeline, store: Store, state: LineageState, *, now: datetime | None = None
) -> Settled | None:
    """Settle the version that nobody answered for in time; None when `state` has none.

    Args:
        now: as of when; None: as of now.
    """
    unanswered = overdue(pipeline, state, now=now)
    if unanswered is None:
        return None
    record_expired(pipeline, store, unanswered.version)
    return promote(pipeline, store, unanswered.version)


def reject_superseded(store: Store, log: ModelLog, state: LineageState) -> LineageState:
    """Reject every candidate in shadow that can no longer be promoted; returns the state without them.

    The next training does not wait for them, and their slices are pending again.

    Args:
        state: as `log` was read. Returned as it is, and not read again, when there is nothing to reject.
    """
    while (record := _first_superseded(state)) is not None:
        state = log.decide(_first_superseded, read=state)
        write_card(store, log, state, record.version)
    return state


def _first_superseded(state: LineageState) -> Rejected | None:
    """The record that rejects the first superseded candidate in shadow; None: there is none."""
    for number, version in state.versions.items():
        tried = version.status in (VersionStatus.TRAINED, VersionStatus.EVALUATED)
        in_shadow = tried and version.started.shadow
        void = superseded(state, version) if in_shadow else None
        if void is not None:
            return Rejected(version=number, champion=version.champion, superseded=True, reason=void.reason)
    return None


def _why(settled: VersionState) -> str:
    if settled.open:
        return "too few slices are scored in shadow in their current revision: the next runs go on"
    return settled.decided.reason if settled.decided else ""
