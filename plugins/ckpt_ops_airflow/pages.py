"""What all pages share: the one app, who may see it, what a browser may do with it, and short messages.

Airflow protects no plugin's app by itself. Here every route takes Airflow's user, and each on a DAG asks for
Airflow's own permission to read that DAG's task logs, which show the same: values of the data. A browser's
cookie and a bearer token both work.

The api-server needs CKPT_OPS_STORE and the store's credentials, as the tasks do. Imported there only.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from http import HTTPStatus
from typing import TYPE_CHECKING
from urllib.parse import quote

from airflow.api_fastapi.core_api.security import get_user
from fastapi import APIRouter, Depends, FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import HTMLResponse, Response
from starlette.exceptions import HTTPException

from ckpt_ops.errors import CkptOpsError
from ckpt_ops.html import THEMES, Html, element, page, policy, stacked, themed
from ckpt_ops_airflow.api import refusals
from ckpt_ops_airflow.api.permissions import may_read
from ckpt_ops_airflow.links import PREFIX, in_the_ui

if TYPE_CHECKING:
    from ckpt_ops.store import Store

NO_STORE = "The api-server knows no store. Next: set CKPT_OPS_STORE for it, as for the tasks."
API = "/api"
LONGEST = 250
"""Characters of a name in an address, as many as Airflow gives the id of a DAG."""

_ALWAYS = {"X-Content-Type-Options": "nosniff", "Cache-Control": "private, no-cache"}

_NOTHING = f"{policy()}; frame-ancestors 'self'"

HEADERS: Mapping[str, str] = _ALWAYS | {
    # the pages are made of data: nothing in them may run or load anything
    "Content-Security-Policy": f"{_NOTHING}; sandbox",
    "Referrer-Policy": "no-referrer",
}


def protected_app(
    *, for_all: tuple[APIRouter, ...], of_dags: tuple[APIRouter, ...], api: tuple[APIRouter, ...]
) -> FastAPI:
    """The app.

    Args:
        for_all: routes for everyone who is logged in; they show nothing of a DAG.
        of_dags: routes with `{dag_id}` in their path, for those who may read that DAG.
        api: routes below `API`; those with `{dag_id}` in their path are for those who may read that DAG.

    Raises:
        ValueError: a route on a DAG is among those for all, or the other way round.
    """
    os.environ.setdefault("CKPT_OPS_STORE_DEADLINE", "10")  # seconds; a person is waiting
    # the request is checked first: Airflow looks a name up in its database, which takes no NUL
    app = FastAPI(
        title="ckpt-ops",
        openapi_url=None,
        dependencies=[Depends(require_plain), Depends(get_user)],
        redirect_slashes=False,
    )
    for prefix, routers in (("", (*for_all, *of_dags)), (API, api)):
        for router in routers:
            on_dag = {"{dag_id}" in str(getattr(route, "path", "")) for route in router.routes}
            if on_dag not in ({True}, {False}) or (router in for_all and True in on_dag):
                raise ValueError("a router holds routes on a DAG, or routes for all")
            app.include_router(
                router, prefix=prefix, dependencies=[Depends(may_read)] if True in on_dag else []
            )
    for kind in (HTTPException, RequestValidationError, CkptOpsError, OSError, Exception):
        app.add_exception_handler(kind, _refused)
    return app


def require_plain(request: Request) -> None:
    """Raises 400 for an address that no DAG, slice, version or date has: control characters, or too long."""
    for name, value in (*request.path_params.items(), *request.query_params.multi_items()):
        if not str(value).isprintable():
            allowed = "visible characters: letters, digits and the like, no control characters"
            raise HTTPException(400, f"{name}={value!r} is not allowed: expected {allowed}")
        if len(str(value)) > LONGEST:
            raise HTTPException(400, f"{name}={value[:40]!r}... is not allowed: at most {LONGEST} characters")


def message_page(status: int, message: str, *more: Html) -> HTMLResponse:
    """A page with a message; `more` is below it."""
    title = "ckpt-ops" if status == 200 else f"{status} {HTTPStatus(status).phrase}"
    text = stacked(element("p", line) for line in message.splitlines())
    content = page(title, element("h1", title), text, *more, style="body { max-width: 50rem; }")
    # a page in a sandbox, in a frame of Airflow's, sends no cookie along when a link of it is followed
    headers = {**HEADERS, "Content-Security-Policy": _NOTHING} if more else HEADERS
    return HTMLResponse(content, status_code=status, headers=dict(headers))


def stored_page(read: Callable[[Store], bytes], *, theme: str = "") -> HTMLResponse:
    """What lies in the store as `read` finds it, or a page that says why not: 400, 404, or 503 for now.

    Args:
        theme: of the page around it, "light" or "dark"; "": as the reader's system prefers.
    """
    # the first request pays for these imports, not the api-server's start
    from ckpt_ops.errors import BadInput, ObjectNotFound
    from ckpt_ops.store import open_store

    url = os.environ.get("CKPT_OPS_STORE", "")
    if not url:
        return message_page(503, NO_STORE)
    try:
        if theme not in ("", *THEMES):
            raise BadInput("theme", theme, " or ".join(THEMES))
        content = themed(read(open_store(url)), theme)
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


def _refused(request: Request, error: Exception) -> Response:
    """An error as JSON for the pages' scripts, and as a page for a person."""
    path = request.scope["path"].removeprefix(request.scope.get("root_path", "")).removeprefix(PREFIX)
    if path.startswith(f"{API}/"):
        return refusals.refused(request, error)
    if isinstance(error, RequestValidationError):
        lines = (
            f"{one['loc'][-1]}={one.get('input')!r} is not allowed: {one['msg']}" for one in error.errors()
        )
        return message_page(422, "\n".join(lines))
    if not isinstance(error, HTTPException):
        status = refusals.refused(request, error).status_code
        message = str(error) if isinstance(error, CkptOpsError) else f"a {type(error).__name__} in ckpt_ops"
        return message_page(status, message)
    if error.status_code != 401:
        return message_page(error.status_code, str(error.detail))
    where = f"?next={quote(str(request.url), safe='')}" if request.method == "GET" else ""
    login = in_the_ui(f"api/v2/auth/login{where}")
    return message_page(401, str(error.detail), element("p", link(login, "Log in to Airflow")))
