"""A plan, and the transfer of a changed model, as the values that their page shows."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from ckpt_ops.candidates.transfer_preview import TransferPreview
from ckpt_ops.rebase.view import anchor_message, estimate_message, fork_message
from ckpt_ops.runs.due import Due
from ckpt_ops.views.plan import (
    ChangedSlice,
    PlannedSlice,
    PlanView,
    RangeView,
    RebaseStep,
    RebaseView,
    Tainted,
    TransferRowView,
    TransferView,
)
from ckpt_ops_airflow.intervals import Range, is_there
from ckpt_ops_airflow.rebase import SUFFIX
from ckpt_ops_airflow.retrain import SUFFIX as RETRAIN_SUFFIX

ACTIONS = {
    "append": "train on it, with what is pending before it",
    "late": "train on it, though newer slices were consumed before it",
    "skip": "do nothing with it",
    "shadow": "not train: a candidate is evaluated on the slices after it, or settled after the last",
    "hold": "stop, until a person decides",
    "fork": "stop: the history has to fork, which a rebase does",
    "missing": "find nothing: it is not at the source",
}
"""What a run would do, in the order in which they are counted."""


def plan_view(model: str, found: Due, range_: Range) -> PlanView:
    """The page's values."""
    slices = found.slices
    counted = Counter(str(one.action) for one in slices or ())
    taint = found.tainted
    retrain = f"{model}{RETRAIN_SUFFIX}"
    return PlanView(
        model=model,
        source=found.source,
        head=found.head,
        held=found.held,
        tainted=None if taint is None else _tainted(taint),
        range=_range(range_),
        slices=None
        if slices is None
        else tuple(PlannedSlice(**{**asdict(one), "action": str(one.action)}) for one in slices),
        problem=found.problem,
        counts={action: counted[action] for action in ACTIONS if counted[action]},
        actions=ACTIONS,
        rebase=_rebase(model, found),
        retrain_dag=retrain if is_there(retrain) else None,
    )


def transfer_view(found: TransferPreview) -> TransferView:
    """The transfer, without optimizer slots that are carried over as they are."""
    kept = [row for row in found.rows if row.move != "carried" or not row.name.startswith("optimizer/")]
    return TransferView(
        parent=found.parent,
        same=found.same,
        message=found.message,
        rows=tuple(TransferRowView(**asdict(row)) for row in kept),
        changed=found.changed,
        objections=found.objections,
        next=found.next,
    )


def _tainted(view: Mapping[str, Any]) -> Tainted:
    return Tainted(**{name: view[name] for name in ("version", "slice", "why", "by", "time")})


def _range(range_: Range) -> RangeView:
    first, last = range_.as_asked
    known = range_.expected is not None
    return RangeView(
        first=first,
        last=last,
        by_time=range_.by_time,
        earlier=range_.earlier,
        later=range_.later,
        timezone=range_.timezone,
        known=known,
        intervals=len(range_.expected) if range_.expected is not None else None,
        cut=range_.cut,
        backfill_from=range_.backfill[0],
        backfill_to=range_.backfill[1],
    )


def _rebase(model: str, found: Due) -> RebaseView | None:
    view = found.rebase
    if view is None:
        return None
    view, dag = dict(view), f"{model}{SUFFIX}"
    return RebaseView(
        changes=tuple(
            ChangedSlice(**{name: one[name] for name in ("key", "what", "why", "was", "now", "rows")})
            for one in view["changes"]
        ),
        fork=view["fork"],
        fork_message=_sentence(fork_message(view)),
        steps=tuple(
            RebaseStep(
                slices=tuple(ref["key"] for ref in step["slices"]),
                rows=step["rows"],
                stands_for=step["stands_for"],
                done_by=step["done_by"],
            )
            for step in view["replay"]
        ),
        replaced=tuple(view["replaced"]),
        estimate=estimate_message(view),
        anchor=_sentence(anchor_message(view)) if view["anchor_cost"]["candidates"] else "",
        dag=dag if is_there(dag) else None,
        command=f"ckpt-ops rebase {model}",
    )


def _sentence(message: str) -> str:
    return f"{message[:1].upper()}{message[1:]}."
