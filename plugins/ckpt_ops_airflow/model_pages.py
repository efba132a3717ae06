"""From the tabs of Airflow's pages to ours: a DAG to its model, a run to its slice.

    GET /ckpt-ops/models/{dag_id}                  the model's page
    GET /ckpt-ops/models/{dag_id}/plan             the plan of a backfill
    GET /ckpt-ops/models/{dag_id}/runs/{run_id}    the slice of the run

A tab is on every DAG's page, so where there is no model these say so. The DAGs that rebase and retrain show
the model that they work for.
"""

from __future__ import annotations

from urllib.parse import quote, urlencode

from airflow.api_fastapi.common.db.common import SessionDep
from fastapi import APIRouter, Request
from fastapi.responses import RedirectResponse, Response

from ckpt_ops_airflow.exporting import SUFFIX as EXPORT_SUFFIX
from ckpt_ops_airflow.links import on_this_host
from ckpt_ops_airflow.pages import link, message_page
from ckpt_ops_airflow.rebase import SUFFIX
from ckpt_ops_airflow.retrain import SUFFIX as RETRAIN_SUFFIX


def model_pages() -> APIRouter:
    """Routes for `pages.protected_app`."""
    router = APIRouter()
    router.add_api_route("/models/{dag_id}", model, response_class=Response)
    router.add_api_route("/models/{dag_id}/plan", plan, response_class=Response)
    router.add_api_route("/models/{dag_id}/runs/{run_id}", run, response_class=Response)
    return router


def model(dag_id: str) -> Response:
    """To the model of the DAG."""
    return _there(dag_id)


def plan(request: Request, dag_id: str) -> Response:
    """To the plan of the DAG's model, for the range that the address names."""
    asked = {name: request.query_params[name] for name in ("from", "to") if name in request.query_params}
    return _there(dag_id, f"/plan?{urlencode(asked)}" if asked else "/plan")


def run(dag_id: str, run_id: str, session: SessionDep) -> Response:
    """To the slice that the run took in; without one, a page that says what its note says."""
    from ckpt_ops_airflow.api.airflow_facts import facts_of_run

    found = facts_of_run(session, dag_id, run_id)
    name = model_of(dag_id)
    if name is None:
        return _no_model(dag_id)
    if found is None:
        return message_page(404, f"Airflow knows no run {run_id} of {dag_id}.")
    version = found.version
    if found.slice is not None:
        asked = "" if version is None else f"?version={version}"
        return _there(dag_id, f"/slices/{quote(found.slice)}{asked}")
    if version is not None:
        return _there(dag_id, f"/v/{version}")
    said = f"\n{found.note}" if found.note else ""
    more = link(on_this_host(f"#/m/{quote(name)}"), f"The model {name}")
    return message_page(200, f"This run has no slice: {found.why}.{said}", more)


def model_of(dag_id: str) -> str | None:
    """The model that the DAG is about; None: it is about none."""
    from ckpt_ops.pipeline.loading import is_described
    from ckpt_ops.pipeline.naming import member_of
    from ckpt_ops_airflow.apart import dags_folder

    folder = dags_folder()
    suffixes = (SUFFIX, RETRAIN_SUFFIX, EXPORT_SUFFIX)
    names = list(dict.fromkeys((dag_id, *(dag_id.removesuffix(one) for one in suffixes))))
    if member_of(dag_id) is not None:
        # its code says which members a fleet has, and is not run here: a log tells AA_rebase from AA's rebase
        logged = next((name for name in names if _has_log(name)), None)
        return logged or (names[-1] if is_described(names[-1], folder) else None)
    return next((name for name in names if is_described(name, folder) or _has_log(name)), None)


def _has_log(name: str) -> bool:
    """Whether the store has a model of this name; False where nobody can say."""
    from ckpt_ops.errors import CkptOpsError
    from ckpt_ops_airflow.api.the_store import state_of

    try:
        state_of(name)
    except (CkptOpsError, OSError):
        return False
    return True


def _there(dag_id: str, more: str = "") -> Response:
    name = model_of(dag_id)
    if name is None:
        return _no_model(dag_id)
    # whether it may be seen is checked again where its data are read
    return RedirectResponse(f"{on_this_host('')}#/m/{quote(name)}{more}", 303)


def _no_model(dag_id: str) -> Response:
    return message_page(
        200,
        f"{dag_id} is no retraining DAG: the folder of DAGs describes no pipeline of this name, "
        "so there is no model and no backfill to plan.\n"
        "If the api-server looks into the wrong folder, set CKPT_OPS_DAGS for it.",
    )
