"""Errors as the answers of routes: JSON for the pages' scripts, a page for a person who follows a link."""

from __future__ import annotations

import logging
from http import HTTPStatus

from fastapi import Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import Response
from starlette.exceptions import HTTPException

from ckpt_ops.actions.registry import NotPossible
from ckpt_ops.errors import (
    BadInput,
    BucketNotFound,
    CkptOpsError,
    Fenced,
    ForkNeeded,
    LineageMoved,
    ModelOnHold,
    ObjectNotFound,
)
from ckpt_ops.printable import printable
from ckpt_ops_airflow.api.json_answers import json_answer

log = logging.getLogger(__name__)

_NOTHING_WRITTEN = "nothing was written"
_AUTHORITY = "Ask whoever looks after your Airflow for the permission."


def status_of(error: Exception) -> int:
    """400 for what was asked, 404 for what is not there, 409 for what cannot be now; 503: later, perhaps."""
    match error:
        case NotPossible() | LineageMoved() | ForkNeeded() | ModelOnHold() | Fenced():
            return 409
        case ObjectNotFound() | BucketNotFound():
            return 404
        case BadInput():
            return 400
    return 503


def refused(request: Request, error: Exception) -> Response:
    """The answer to an error that was raised on purpose."""
    if isinstance(error, CkptOpsError):
        return refusal(status_of(error), error.what, safe=error.safe, next_=error.next)
    if isinstance(error, RequestValidationError):
        return refusal(400, "; ".join(_malformed(error)), safe=_NOTHING_WRITTEN)
    if isinstance(error, HTTPException):
        what, next_ = _of_airflow(error)
        return refusal(error.status_code, what, safe=_NOTHING_WRITTEN, next_=next_)
    if isinstance(error, OSError):
        return refusal(503, f"the store cannot be reached: {type(error).__name__}", safe=_NOTHING_WRITTEN)
    log.error("an error in a page's route", exc_info=error)
    return refusal(
        500, f"a {type(error).__name__} in ckpt_ops", next_="the api-server's log says more: please report it"
    )


def refusal(status: int, what: str, *, safe: str = "", next_: str = "") -> Response:
    """A refusal in the parts that every error has."""
    return json_answer({"what": what, "safe": safe, "next": next_}, status=status)


def _malformed(error: RequestValidationError) -> list[str]:
    found = []
    for one in error.errors():
        where = ".".join(str(part) for part in one["loc"][1:]) or "body"
        given = printable(repr(one.get("input")))[:80]
        found.append(f"{where}={given} is not allowed: {one['msg']}")
    return found


def _of_airflow(error: HTTPException) -> tuple[str, str]:
    """Its detail, or its status in words; and what to do about it."""
    detail = str(error.detail) if error.detail else HTTPStatus(error.status_code).phrase
    what, _, next_ = detail.partition("\nNext: ")
    if next_:
        return what, next_
    if error.status_code == 401:
        return what, "Log in to Airflow, then load the page again."
    return what, _AUTHORITY if error.status_code == 403 else ""
