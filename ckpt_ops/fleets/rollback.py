"""A rollback of many models: first what it would do to each, then each by itself.

Versions of different models have numbers of their own, so what they have in common is a time: each goes back
to what it had in production then. One that is there already is left alone, so the same rollback may be asked
for again after an interruption.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from ckpt_ops.errors import CkptOpsError
from ckpt_ops.lineage import LineageState, ModelLog
from ckpt_ops.lineage.production import head_at
from ckpt_ops.promotion.decisions import rollback, rollback_of
from ckpt_ops.short_errors import in_short
from ckpt_ops.store import Store

_SIDE_BY_SIDE = 8


class Will(StrEnum):
    """What a rollback would do to a model."""

    ROLL_BACK = "roll back"
    STAY = "stay"  # the version is in production already
    REFUSE = "cannot"  # `RollbackPlan.why`


@dataclass(frozen=True, kw_only=True)
class RollbackPlan:
    """Of one model.

    Attributes:
        head: the version in production; None: none is, or the log cannot be read.
        to: the version that it would go back to; None: there is none.
        why: of `Will.REFUSE` and `Will.STAY`, the reason.
    """

    model: str
    will: Will
    head: int | None = None
    to: int | None = None
    why: str = ""


@dataclass(frozen=True, kw_only=True)
class RolledBackModel:
    """What became of one model.

    Attributes:
        version: the one in production now; None: it failed.
        pending: keys of the slices that are pending now.
        error: why it failed, what is safe and what to do; "": it did not.
    """

    model: str
    version: int | None
    pending: tuple[str, ...] = ()
    error: str = ""


def plan_rollback(state: LineageState, *, to: int | None = None, at: datetime | None = None) -> RollbackPlan:
    """What would become of one model. Pure; files of versions are checked when it is carried out.

    Args:
        to: the version's number.
        at: instead of it, a time with a zone: the version that was in production then.
    """
    model, head = state.model, state.head
    target = head_at(state, at) if at is not None else to
    if target is None:
        return RollbackPlan(model=model, will=Will.REFUSE, head=head, why="nothing was in production then")
    if target == head:
        return RollbackPlan(model=model, will=Will.STAY, head=head, to=target, why="it is in production")
    try:
        rollback_of(state, target, "planned")
    except CkptOpsError as error:
        return RollbackPlan(model=model, will=Will.REFUSE, head=head, to=target, why=in_short(error))
    return RollbackPlan(model=model, will=Will.ROLL_BACK, head=head, to=target)


def plan_rollbacks(
    store: Store, models: Sequence[str], *, to: int | None = None, at: datetime | None = None
) -> list[RollbackPlan]:
    """Of each model, in order. One whose log cannot be read is refused by itself."""

    def plan(model: str) -> RollbackPlan:
        try:
            return plan_rollback(ModelLog(store, model).state(), to=to, at=at)
        except CkptOpsError as error:
            return RollbackPlan(model=model, will=Will.REFUSE, why=in_short(error))

    with ThreadPoolExecutor(_SIDE_BY_SIDE) as pool:
        return list(pool.map(plan, models))


def roll_back(store: Store, plans: Sequence[RollbackPlan], why: str) -> Iterator[RolledBackModel]:
    """Carry out those that are to roll back, one after the other. One that fails stops none of the others.

    Each is decided again on its log as it is by then: a model that was promoted since is rolled back, too.
    """
    for one in plans:
        if one.will is not Will.ROLL_BACK or one.to is None:
            continue
        try:
            state = rollback(store, one.model, one.to, why)
        except CkptOpsError as error:
            yield RolledBackModel(model=one.model, version=None, error=str(error))
        else:
            pending = tuple(ref.key for ref in state.pending())
            yield RolledBackModel(model=one.model, version=state.head, pending=pending)
