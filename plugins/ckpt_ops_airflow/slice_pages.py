"""A slice's report and Data Docs, served by Airflow's api-server to those who may read the model's DAG.

GET /ckpt-ops/slices/{dag_id}/{key}/report[?revision=]
GET /ckpt-ops/slices/{dag_id}/{key}/data-docs[?revision=]
"""

from __future__ import annotations

import os

from fastapi import APIRouter
from fastapi.responses import HTMLResponse

from ckpt_ops_airflow.pages import HEADERS, NO_STORE, said


def slice_pages() -> APIRouter:
    """Routes for `pages.protected_app`."""
    router = APIRouter()
    router.add_api_route("/slices/{dag_id}/{key}/report", report, response_class=HTMLResponse)
    router.add_api_route("/slices/{dag_id}/{key}/data-docs", data_docs, response_class=HTMLResponse)
    return router


def report(dag_id: str, key: str, revision: str | None = None) -> HTMLResponse:
    """Why the slice was accepted or quarantined."""
    return page("REPORT", dag_id, key, revision)


def data_docs(dag_id: str, key: str, revision: str | None = None) -> HTMLResponse:
    """Great Expectations' own page on the slice."""
    return page("DATA_DOCS", dag_id, key, revision)


def page(which: str, model: str, key: str, revision: str | None) -> HTMLResponse:
    """What lies in the store, or a page that says why there is none: 400, 404, or 503 for now."""
    # the first request pays for these imports, and not the api-server's start
    from ckpt_ops.errors import BadInput, CkptOpsError, ObjectNotFound
    from ckpt_ops.pipeline.pages import Page, verdict_page
    from ckpt_ops.store import open_store

    url = os.environ.get("CKPT_OPS_STORE", "")
    if not url:
        return said(503, NO_STORE)
    try:
        content = verdict_page(open_store(url), model, key, Page[which], revision=revision)
    except BadInput as error:
        return said(400, str(error))
    except ObjectNotFound as error:
        return said(404, str(error))
    except (CkptOpsError, OSError) as error:
        return said(503, str(error))
    return HTMLResponse(content, headers=dict(HEADERS))
