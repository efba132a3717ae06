"""What all pages share: the one app, who may see it, what a browser may do with it, and short messages.

Airflow protects no plugin's app by itself. Here the app as a whole asks for Airflow's own permission to
read the DAG's task logs, which show the same: values of the data. A browser's cookie and a bearer token
both work.

The api-server needs CKPT_OPS_STORE and the store's credentials, as the tasks do. Imported there only.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from http import HTTPStatus
from typing import TYPE_CHECKING
from urllib.parse import quote

from airflow.api_fastapi.auth.managers.models.resource_details import DagAccessEntity
from airflow.api_fastapi.core_api.security import requires_access_dag
from fastapi import APIRouter, Depends, FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import HTMLResponse
from starlette.exceptions import HTTPException

from ckpt_ops.html import Html, element, page, policy, stacked
from ckpt_ops_airflow.links import in_the_ui

if TYPE_CHECKING:
    from ckpt_ops.store import Store

NO_STORE = "The api-server knows no store. Next: set CKPT_OPS_STORE for it, as for the tasks."

_ALWAYS = {"X-Content-Type-Options": "nosniff", "Cache-Control": "private, no-cache"}

_NOTHING = f"{policy()}; frame-ancestors 'self'"

HEADERS: Mapping[str, str] = _ALWAYS | {
    # the pages are made of data: nothing in them may run or load anything
    "Content-Security-Policy": f"{_NOTHING}; sandbox",
    "Referrer-Policy": "no-referrer",
}


def headers_with_forms(nonce: str) -> Mapping[str, str]:
    """For a page that is all ours, with data escaped: it has forms, and one script and style."""
    return _ALWAYS | {
        "Content-Security-Policy": f"{policy(nonce=nonce)}; frame-ancestors 'self'",
        # with "no-referrer" a browser would send "Origin: null" with a form
        "Referrer-Policy": "same-origin",
    }


def protected_app(*routers: APIRouter) -> FastAPI:
    """The app. A route of it is protected if its path has `{dag_id}`; one that writes needs more."""
    os.environ.setdefault("CKPT_OPS_STORE_DEADLINE", "10")  # seconds; a person is waiting
    may_read = Depends(requires_access_dag("GET", DagAccessEntity.TASK_LOGS))
    # the request is checked first: Airflow looks a name up in its database, which takes no NUL
    app = FastAPI(title="ckpt-ops", openapi_url=None, dependencies=[Depends(require_plain), may_read])
    for router in routers:
        app.include_router(router)
    app.add_exception_handler(HTTPException, _refused)
    app.add_exception_handler(RequestValidationError, _malformed)
    return app


def require_plain(request: Request) -> None:
    """Raises 400 for an address with control characters, which no DAG, slice, version or date has."""
    for name, value in (*request.path_params.items(), *request.query_params.multi_items()):
        if not str(value).isprintable():
            allowed = "visible characters: letters, digits and the like, no control characters"
            raise HTTPException(400, f"{name}={value!r} is not allowed: expected {allowed}")


def message_page(status: int, message: str, *more: Html, back: str = "") -> HTMLResponse:
    """A page with a message.

    Args:
        more: below the message.
        back: address of a page of ours that led here.
    """
    headers = dict(HEADERS)
    if back:
        # from a page in a sandbox a browser sends no cookie along, in a frame of Airflow's
        headers["Content-Security-Policy"] = _NOTHING
        more = (*more, element("p", link(back, "Back")))
    title = "ckpt-ops" if status == 200 else f"{status} {HTTPStatus(status).phrase}"
    text = stacked(element("p", line) for line in message.splitlines())
    content = page(title, element("h1", title), text, *more, style="body { max-width: 50rem; }")
    return HTMLResponse(content, status_code=status, headers=headers)


def stored_page(read: Callable[[Store], bytes]) -> HTMLResponse:
    """What lies in the store as `read` finds it, or a page that says why not: 400, 404, or 503 for now."""
    # the first request pays for these imports, not the api-server's start
    from ckpt_ops.errors import BadInput, CkptOpsError, ObjectNotFound
    from ckpt_ops.store import open_store

    url = os.environ.get("CKPT_OPS_STORE", "")
    if not url:
        return message_page(503, NO_STORE)
    try:
        content = read(open_store(url))
    except BadInput as error:
        return message_page(400, str(error))
    except ObjectNotFound as error:
        return message_page(404, str(error))
    except (CkptOpsError, OSError) as error:
        return message_page(503, str(error))
    return HTMLResponse(content, headers=dict(HEADERS))


def link(href: str, message: str) -> Html:
    """A link, escaped."""
    return element("a", message, href=href)


def _malformed(request: Request, error: Exception) -> HTMLResponse:
    """What FastAPI could not read, such as a version that is no number, for a person."""
    found = error.errors() if isinstance(error, RequestValidationError) else ()
    lines = (f"{one['loc'][-1]}={one.get('input')!r} is not allowed: {one['msg']}" for one in found)
    return message_page(422, "\n".join(lines))


def _refused(request: Request, error: Exception) -> HTMLResponse:
    """Airflow's refusal, for a person; with a link to the login for those who are not logged in."""
    status, detail = (error.status_code, error.detail) if isinstance(error, HTTPException) else (500, "")
    if status != 401:
        return message_page(status, str(detail))
    where = f"?next={quote(str(request.url), safe='')}" if request.method == "GET" else ""
    login = in_the_ui(f"api/v2/auth/login{where}")
    return message_page(status, str(detail), element("p", link(login, "Log in to Airflow")))
