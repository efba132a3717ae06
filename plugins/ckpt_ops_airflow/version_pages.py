"""The evaluation of a version, served by Airflow's api-server to those who may read the model's DAG.

GET /ckpt-ops/models/{dag_id}/versions/{version}/evaluation[?theme=]
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from fastapi import APIRouter
from fastapi.responses import HTMLResponse

from ckpt_ops_airflow.pages import stored_page

if TYPE_CHECKING:
    from ckpt_ops.store import Store


def version_pages() -> APIRouter:
    """Routes for `pages.protected_app`."""
    router = APIRouter()
    router.add_api_route(
        "/models/{dag_id}/versions/{version}/evaluation", evaluation, response_class=HTMLResponse
    )
    return router


def evaluation(dag_id: str, version: int, theme: str = "") -> HTMLResponse:
    """The gates' verdicts on the version."""

    def read(store: Store) -> bytes:
        from ckpt_ops.runs.pages import evaluation_page

        return evaluation_page(store, dag_id, version)

    return stored_page(read, theme=theme)
