"""What a backfill would do with each slice, the rebase that is due, and what a person may decide.

    GET  /ckpt-ops/models/{dag_id}/plan[?from=DATE&to=DATE]
    POST /ckpt-ops/models/{dag_id}/slices/{key}/resolve

The tab "Backfill plan" on a DAG's page shows the first. To decide on a slice takes the permission
to trigger a run of the DAG, and the page's own form (`csrf`).
"""

from __future__ import annotations

import os
import secrets
from pathlib import Path
from typing import Annotated
from urllib.parse import quote, urlencode

from airflow.api_fastapi.auth.managers.models.resource_details import DagAccessEntity
from airflow.api_fastapi.core_api.security import GetUserDep, requires_access_dag
from fastapi import APIRouter, Depends, Form, Query, Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response

from ckpt_ops_airflow.csrf import form_token, require_csrf
from ckpt_ops_airflow.links import on_this_host
from ckpt_ops_airflow.pages import NO_STORE, headers_with_forms, message_page
from ckpt_ops_airflow.rebase import SUFFIX
from ckpt_ops_airflow.retrain import SUFFIX as RETRAIN_SUFFIX

_NO_MODEL = "so there is no model and no backfill to plan."
_HOW = {"append": False, "fork": True}


def model_pages() -> APIRouter:
    """Routes for `pages.protected_app`."""
    router = APIRouter()
    router.add_api_route("/models/{dag_id}/plan", plan, response_class=HTMLResponse)
    router.add_api_route(
        "/models/{dag_id}/slices/{key}/resolve",
        resolve,
        methods=["POST"],
        dependencies=[
            Depends(requires_access_dag("POST", DagAccessEntity.RUN)),
            Depends(require_csrf),
        ],
        response_class=HTMLResponse,
    )
    return router


def plan(
    request: Request,
    dag_id: str,
    user: GetUserDep,
    start: Annotated[str, Query(alias="from")] = "",
    end: Annotated[str, Query(alias="to")] = "",
) -> Response:
    """The page, or one that says why there is none: 400, or 503 for now."""
    # the first request pays for these imports, not the api-server's start
    from ckpt_ops.errors import BadInput, CkptOpsError
    from ckpt_ops.pipeline import find_pipelines
    from ckpt_ops_airflow import plan_page, planning
    from ckpt_ops_airflow.intervals import asked_for, is_there

    folder = dags_folder()
    known = find_pipelines(folder)
    if dag_id not in known:
        model = dag_id.removesuffix(SUFFIX).removesuffix(RETRAIN_SUFFIX)
        if model in known:  # a different DAG: whether it may be seen is checked there
            return RedirectResponse(on_this_host(f"models/{model}/plan"), 303)
        return message_page(
            200,
            f"{dag_id} is no retraining DAG: there is no {folder / dag_id / 'pipeline.py'}, {_NO_MODEL}\n"
            "If that is the wrong folder, set CKPT_OPS_DAGS for the api-server.",
        )
    store = os.environ.get("CKPT_OPS_STORE", "")
    if not store:
        return message_page(503, NO_STORE)
    page = on_this_host(f"models/{dag_id}/plan")
    try:
        range_ = asked_for(dag_id, start, end)
        found = planning.plans(dag_id, folder, store, range_)
    except BadInput as error:
        return message_page(400, str(error), back=page)
    except (CkptOpsError, OSError) as error:
        return message_page(503, str(error), back=page)
    if found["kind"] == "intake":
        return message_page(
            200, f"{dag_id} takes in slices of {found['source']} and nothing trains on them, {_NO_MODEL}"
        )
    rebase, nonce = f"{dag_id}{SUFFIX}", secrets.token_urlsafe(16)
    html = plan_page.render(
        dag_id,
        found,
        range_,
        rebase=rebase if is_there(rebase) else None,
        token=form_token(request, user),
        nonce=nonce,
    )
    return HTMLResponse(html, headers=dict(headers_with_forms(nonce)))


def resolve(
    dag_id: str,
    key: str,
    user: GetUserDep,
    how: Annotated[str, Form()] = "",
    why: Annotated[str, Form()] = "",
    start: Annotated[str, Form(alias="from")] = "",
    end: Annotated[str, Form(alias="to")] = "",
) -> Response:
    """Record what becomes of a slice that came too late, in the user's name, and show the plan again."""
    from ckpt_ops.errors import BadInput, CkptOpsError
    from ckpt_ops.intake.decisions import resolve as decide
    from ckpt_ops.pipeline.intake import check_name
    from ckpt_ops.slices import check_key
    from ckpt_ops.store import open_store

    store = os.environ.get("CKPT_OPS_STORE", "")
    if not store:
        return message_page(503, NO_STORE)
    page = on_this_host(f"models/{quote(dag_id)}/plan?{urlencode({'from': start, 'to': end})}")
    try:
        check_name(dag_id, field="model")
        check_key(key)
        if how not in _HOW:
            raise BadInput("how", how, "append or fork")
        decide(open_store(store), dag_id, key, why, fork=_HOW[how], actor=user.get_name())
    except BadInput as error:
        return message_page(400, str(error), back=page)
    except (CkptOpsError, OSError) as error:
        return message_page(503, str(error), back=page)
    return RedirectResponse(f"{page}#slice-{quote(key)}", 303)


def dags_folder() -> Path:
    """CKPT_OPS_DAGS, else where Airflow looks for DAGs."""
    from airflow.configuration import conf

    return Path(os.environ.get("CKPT_OPS_DAGS") or conf.get("core", "dags_folder")).absolute()
