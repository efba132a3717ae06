"""What the pages show, as JSON. Nothing here changes anything or runs code of a pipeline.

GET /ckpt-ops/api/me
GET /ckpt-ops/api/fleet
GET /ckpt-ops/api/models/{dag_id}[/lineage|/slices|/slices/{key}|/versions/{version}|/training]
"""

from __future__ import annotations

from collections.abc import Collection
from typing import Annotated, Any
from urllib.parse import urlsplit

from airflow.api_fastapi.common.db.common import SessionDep
from airflow.api_fastapi.core_api.security import GetUserDep
from fastapi import APIRouter, Query, Request
from fastapi.responses import Response

from ckpt_ops.actions import Asked
from ckpt_ops.actions.asked import the_slice, the_version
from ckpt_ops.errors import CkptOpsError
from ckpt_ops.lineage.missing import answered_keys
from ckpt_ops.slices import check_key
from ckpt_ops.views import plain
from ckpt_ops.views.store_views import StoreViews
from ckpt_ops.views.training import training_now
from ckpt_ops_airflow.apart import dags_folder
from ckpt_ops_airflow.api.airflow_facts import airflow_facts
from ckpt_ops_airflow.api.json_answers import json_answer
from ckpt_ops_airflow.api.permissions import may_trigger_runs, readable
from ckpt_ops_airflow.api.the_store import the_views, views_of
from ckpt_ops_airflow.csrf import csrf_token
from ckpt_ops_airflow.links import in_the_ui


def routes_for_all() -> APIRouter:
    """Routes for everyone who is logged in; what they show is chosen for the user."""
    router = APIRouter()
    router.add_api_route("/me", me, response_class=Response)
    router.add_api_route("/fleet", fleet, response_class=Response)
    return router


def routes_of_models() -> APIRouter:
    """Routes on one model, for those who may read its DAG."""
    router = APIRouter()
    for path, answer in (
        ("", model),
        ("/lineage", lineage),
        ("/slices", slices),
        ("/slices/{key}", one_slice),
        ("/versions/{version}", version),
        ("/training", training),
    ):
        router.add_api_route(f"/models/{{dag_id}}{path}", answer, response_class=Response)
    return router


def me(request: Request, user: GetUserDep) -> Response:
    """Who is logged in, the token for changes, and where Airflow is."""
    return json_answer(
        {
            "user": user.get_name(),
            "csrf": csrf_token(request, user),
            "dags_folder_known": dags_folder().is_dir(),
            "airflow": urlsplit(in_the_ui("")).path,
        }
    )


def fleet(user: GetUserDep, session: SessionDep) -> Response:
    """Every model whose DAG the user may read."""
    views = the_views()
    known = views.names()
    names = readable(known, user)
    found = plain(views.fleet(names))
    if len(names) < len(known):
        found |= {"nbytes": None, "measured": ""}  # of all models together
    facts = airflow_facts(session, names, answered=lambda name: _answered(views, name))
    for one in found["models"]:
        one["airflow"] = plain(facts.get(one["model"]))
    return json_answer(found)


def model(dag_id: str, user: GetUserDep, session: SessionDep) -> Response:
    """The page of a model, what Airflow knows of its DAG, and whether the user may change anything."""
    views = views_of(dag_id)
    found: dict[str, Any] = plain(views.model(dag_id))
    facts = airflow_facts(session, [dag_id], answered=lambda name: _answered(views, name))
    more = {"airflow": plain(facts.get(dag_id)), "may": {"trigger": may_trigger_runs(dag_id, user)}}
    return json_answer(found | more)


def lineage(dag_id: str) -> Response:
    """The graph of its versions."""
    return json_answer(views_of(dag_id).lineage(dag_id))


def slices(
    dag_id: str,
    q: Annotated[str, Query()] = "",
    status: Annotated[str, Query()] = "",
    before: Annotated[str, Query()] = "",
) -> Response:
    """Its slices, the newest first, a page at a time."""
    found = views_of(dag_id).slices(dag_id, search=q, which=status, before=before or None)
    return json_answer(found)


def one_slice(dag_id: str, key: str) -> Response:
    """A slice with all that was ever decided on it; or that one of this key is missing."""
    check_key(key, field="key")
    views = views_of(dag_id)
    missing = views.missing(dag_id, key)
    if missing is not None:
        return json_answer(missing)
    the_slice(views.state(dag_id), Asked(key=key))
    return json_answer(views.slice(dag_id, key))


def version(dag_id: str, version: int) -> Response:
    """A version: how it was made and evaluated."""
    views = views_of(dag_id)
    the_version(views.state(dag_id), Asked(version=version))
    return json_answer(views.version(dag_id, version))


def training(dag_id: str) -> Response:
    """How far its running training is; null: none runs."""
    views = views_of(dag_id)
    return json_answer(training_now(views.store, dag_id, views.state(dag_id)))


def _answered(views: StoreViews, name: str) -> Collection[str]:
    """Of all its slices, not of the newest that a summary shows. A log that cannot be read hides nothing."""
    try:
        return answered_keys(views.state(name))
    except CkptOpsError:
        return ()
