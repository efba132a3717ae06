"""What a backfill would do, the rebase that is due, and what a changed model would begin with.

    GET /ckpt-ops/api/models/{dag_id}/plan[?from=&to=]
    GET /ckpt-ops/api/models/{dag_id}/plan/transfer

Both need the pipeline's description, which is code: it runs in a process of its own (`apart`). The second may
have to build the model with TensorFlow, and so takes longer; a page asks for it after the first.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any

from fastapi import APIRouter, Query
from fastapi.responses import Response

from ckpt_ops.errors import ObjectNotFound
from ckpt_ops.pipeline import find_pipelines
from ckpt_ops.pipeline.intake import check_name
from ckpt_ops.rebase.view import anchor_message, estimate_message, fork_message
from ckpt_ops.runs.due import Due, DueRequest, TransferRequest, due, transfer_due
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
from ckpt_ops_airflow.apart import SECONDS, ask, dags_folder
from ckpt_ops_airflow.api.json_answers import json_answer
from ckpt_ops_airflow.api.the_store import store_address
from ckpt_ops_airflow.intervals import Range, asked_for, is_there
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

TRANSFER_SECONDS = 60.0


def plan_routes() -> APIRouter:
    """Routes on one model, for those who may read its DAG."""
    router = APIRouter()
    router.add_api_route("/models/{dag_id}/plan", plan, response_class=Response)
    router.add_api_route("/models/{dag_id}/plan/transfer", transfer, response_class=Response)
    return router


def plan(
    dag_id: str,
    start: Annotated[str, Query(alias="from")] = "",
    end: Annotated[str, Query(alias="to")] = "",
) -> Response:
    """The plan of a range; without one, of the newest intervals."""
    folder = _folder_of(dag_id)
    range_ = asked_for(dag_id, start, end)
    found = plans(dag_id, folder, store_address(), range_)
    if found.kind == "intake":
        raise ObjectNotFound(
            f"{dag_id} takes in slices of {found.source} and nothing trains on them: there is no model",
            safe="nothing was written",
            next=f"ckpt-ops plan {dag_id} shows what its runs would take in",
        )
    return json_answer(plan_view(dag_id, found, range_))


def transfer(dag_id: str) -> Response:
    """What becomes of production's variables; null where the code is unchanged."""
    request = TransferRequest(model=dag_id, folder=_folder_of(dag_id), store=store_address())
    found = ask(
        transfer_due,
        request,
        named="transfer",
        model=dag_id,
        folder=request.folder,
        seconds=TRANSFER_SECONDS,
        blame=True,
        heavy=True,
    ).preview
    if found is None:
        return json_answer(None)
    kept = [row for row in found.rows if row.move != "carried" or not row.name.startswith("optimizer/")]
    return json_answer(
        TransferView(
            parent=found.parent,
            same=found.same,
            message=found.message,
            rows=tuple(TransferRowView(**asdict(row)) for row in kept),
            changed=found.changed,
            objections=found.objections,
            next=found.next,
        )
    )


def plans(model: str, folder: Path, store: str, range_: Range, *, seconds: float = SECONDS) -> Due:
    """What `due` answers. Raises as `apart.ask`.

    Args:
        folder: of the DAGs.
        store: its address.
        seconds: how long it may take.
    """
    request = DueRequest(
        model=model,
        folder=folder,
        store=store,
        start=range_.start,
        end=range_.end,
        expected=None if range_.expected is None else tuple(range_.expected),
    )
    return ask(due, request, named="plan", model=model, folder=folder, seconds=seconds, blame=True)


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


def _folder_of(model: str) -> Path:
    """The folder of DAGs that describes the model. Raises `ObjectNotFound`: there is none."""
    check_name(model, field="model")
    folder = dags_folder()
    if model not in find_pipelines(folder):
        raise ObjectNotFound(
            f"{model} has no plan: there is no {folder / model / 'pipeline.py'}",
            safe="nothing was written",
            next="if that is the wrong folder, set CKPT_OPS_DAGS for the api-server",
        )
    return folder


def _sentence(message: str) -> str:
    return f"{message[:1].upper()}{message[1:]}."
