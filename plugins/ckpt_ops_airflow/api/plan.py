"""What a backfill would do, the rebase that is due, and what a changed model would begin with.

    GET /ckpt-ops/api/models/{dag_id}/plan[?from=&to=]
    GET /ckpt-ops/api/models/{dag_id}/plan/transfer

Both need the pipeline's description, which is code: it runs in a process of its own (`apart`). The second may
have to build the model with TensorFlow, and so takes longer; a page asks for it after the first.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from fastapi import APIRouter, Query
from fastapi.responses import Response

from ckpt_ops.errors import ObjectNotFound
from ckpt_ops.pipeline.loading import is_described
from ckpt_ops.pipeline.naming import check_name
from ckpt_ops.runs.due import Due, DueRequest, TransferRequest, due, transfer_due
from ckpt_ops_airflow.apart import SECONDS, ask, dags_folder
from ckpt_ops_airflow.api.json_answers import json_answer
from ckpt_ops_airflow.api.plan_view import plan_view, transfer_view
from ckpt_ops_airflow.api.the_store import store_address
from ckpt_ops_airflow.intervals import Range, asked_for

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
    return json_answer(None if found is None else transfer_view(found))


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


def _folder_of(model: str) -> Path:
    """The folder of DAGs that describes the model. Raises `ObjectNotFound`: there is none."""
    check_name(model, field="model")
    folder = dags_folder()
    if not is_described(model, folder):
        raise ObjectNotFound(
            f"{model} has no plan: the folder of DAGs describes no pipeline of this name",
            safe="nothing was written",
            next="if that is the wrong folder, set CKPT_OPS_DAGS for the api-server",
        )
    return folder
