"""A slice's report and Data Docs, served by Airflow's api-server to those who may read the model's DAG.

    GET /ckpt-ops/slices/{dag_id}/{key}/report[?revision=]
    GET /ckpt-ops/slices/{dag_id}/{key}/data-docs[?revision=]

Airflow protects no plugin's app by itself. Here the app as a whole asks for Airflow's own permission to
read the DAG's task logs, which show the same: values of the data. A browser's cookie and a bearer token
both will do.

The api-server needs CKPT_OPS_STORE and the store's credentials, as the tasks do. Imported there only.
"""

from __future__ import annotations

import os
from html import escape
from http import HTTPStatus
from urllib.parse import quote

from airflow.api_fastapi.auth.managers.models.resource_details import DagAccessEntity
from airflow.api_fastapi.core_api.security import requires_access_dag
from fastapi import Depends, FastAPI, Request
from fastapi.responses import HTMLResponse
from starlette.exceptions import HTTPException

from ckpt_ops_airflow.links import in_the_ui

HEADERS = {
    # the pages are made of data: whatever came through in them may neither run nor load anything
    "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'; img-src data:; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'self'; sandbox",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "private, no-cache",
}


def slice_pages() -> FastAPI:
    """The app. A route added to it is protected as the others are, if its path has `{dag_id}`."""
    os.environ.setdefault("CKPT_OPS_STORE_DEADLINE", "10")  # seconds; a person is waiting
    may_read = Depends(requires_access_dag("GET", DagAccessEntity.TASK_LOGS))
    app = FastAPI(title="ckpt-ops", openapi_url=None, dependencies=[may_read])
    app.add_api_route("/slices/{dag_id}/{key}/report", report, response_class=HTMLResponse)
    app.add_api_route("/slices/{dag_id}/{key}/data-docs", data_docs, response_class=HTMLResponse)
    app.add_exception_handler(HTTPException, _refused)
    return app


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
        return said(503, "The api-server knows no store. Next: set CKPT_OPS_STORE for it, as for the tasks.")
    try:
        content = verdict_page(open_store(url), model, key, Page[which], revision=revision)
    except BadInput as error:
        return said(400, str(error))
    except ObjectNotFound as error:
        return said(404, str(error))
    except (CkptOpsError, OSError) as error:
        return said(503, str(error))
    return HTMLResponse(content, headers=HEADERS)


def said(status: int, words: str, more: str = "") -> HTMLResponse:
    """A page of a few words; `more` is HTML."""
    title = f"{status} {HTTPStatus(status).phrase}"
    text = "".join(f"<p>{escape(line)}</p>\n" for line in words.splitlines())
    return HTMLResponse(
        f'<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n<title>{title}</title>\n'
        "<style>body { font: 15px/1.5 system-ui, sans-serif; margin: 2rem auto; max-width: 50rem; }</style>\n"
        f"</head>\n<body>\n<h1>{title}</h1>\n{text}{more}</body>\n</html>\n",
        status_code=status,
        headers=HEADERS,
    )


def _refused(request: Request, error: Exception) -> HTMLResponse:
    """What Airflow's permission says, for a person; who is not logged in is shown where to."""
    status, detail = (error.status_code, error.detail) if isinstance(error, HTTPException) else (500, "")
    if status != 401:
        return said(status, str(detail))
    login = in_the_ui(f"api/v2/auth/login?next={quote(str(request.url), safe='')}")
    return said(status, str(detail), f'<p><a href="{escape(login)}">Log in to Airflow</a></p>\n')
