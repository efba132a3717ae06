"""A slice's report and Data Docs, served by Airflow's api-server to those who may read the model's DAG.

GET /ckpt-ops/slices/{dag_id}/{key}/report[?revision=][&theme=]
GET /ckpt-ops/slices/{dag_id}/{key}/data-docs[?revision=][&theme=]
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from fastapi import APIRouter
from fastapi.responses import HTMLResponse

from ckpt_ops_airflow.pages import stored_page

if TYPE_CHECKING:
    from ckpt_ops.store import Store


def slice_pages() -> APIRouter:
    """Routes for `pages.protected_app`."""
    router = APIRouter()
    router.add_api_route("/slices/{dag_id}/{key}/report", report, response_class=HTMLResponse)
    router.add_api_route("/slices/{dag_id}/{key}/data-docs", data_docs, response_class=HTMLResponse)
    return router


def report(dag_id: str, key: str, revision: str | None = None, theme: str = "") -> HTMLResponse:
    """Why the slice was accepted or quarantined."""
    return page("REPORT", dag_id, key, revision, theme)


def data_docs(dag_id: str, key: str, revision: str | None = None, theme: str = "") -> HTMLResponse:
    """Great Expectations' own page on the slice."""
    return page("DATA_DOCS", dag_id, key, revision, theme)


def page(which: str, model: str, key: str, revision: str | None, theme: str) -> HTMLResponse:
    """A page that validation left beside the slice."""

    def read(store: Store) -> bytes:
        from ckpt_ops.runs.pages import Page, verdict_page

        return verdict_page(store, model, key, Page[which], revision=revision)

    return stored_page(read, theme=theme)
