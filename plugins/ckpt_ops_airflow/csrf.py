"""A request that changes something has to come from our own page, loaded with the same login.

A browser adds the cookie of who is logged in to any request for Airflow, whoever made it. Airflow 3.3 has
no protection against that but the cookie's SameSite=Lax, which lets neighbours of the host through.
So two things are required here: that the browser says the request comes from Airflow's own origin, and
a token in a header, which only a page shown to this login holds, and no page of elsewhere can send.
"""

from __future__ import annotations

import hmac
from urllib.parse import urlsplit

from airflow.api_fastapi.auth.managers.base_auth_manager import COOKIE_NAME_JWT_TOKEN
from airflow.api_fastapi.auth.tokens import get_signing_key
from airflow.api_fastapi.core_api.security import GetUserDep
from fastapi import HTTPException, Request

from ckpt_ops_airflow.links import in_the_ui

HEADER = "X-CSRF-Token"


def csrf_token(request: Request, user: GetUserDep) -> str:
    """The token that a change carries: of the login, signed with the key that all api-servers share."""
    login = request.headers.get("authorization") or request.cookies.get(COOKIE_NAME_JWT_TOKEN, "")
    signed = "\0".join(("ckpt-ops change", str(user.get_id()), login))
    return hmac.new(get_signing_key("api", "secret_key").encode(), signed.encode(), "sha256").hexdigest()


def require_csrf(request: Request, user: GetUserDep) -> None:
    """Raises 403 unless the request came from a page of ours."""
    if not _from_here(request):
        raise HTTPException(403, "Nothing was written: the request did not come from Airflow's own page.")
    token = request.headers.get(HEADER, "")
    if not hmac.compare_digest(token.encode(), csrf_token(request, user).encode()):
        raise HTTPException(
            403,
            "Nothing was written: the page was loaded with a different login, or the login was renewed.\n"
            "Next: load the page again and do it from there.",
        )


def _from_here(request: Request) -> bool:
    if request.headers.get("sec-fetch-site", "same-origin") != "same-origin":
        return False
    origin = request.headers.get("origin") or _origin(request.headers.get("referer", ""))
    # the requested host may differ from the configured one, and behind a proxy so may the scheme:
    # both are accepted, as a browser lets no page choose the Host of what it sends
    here = f"{request.url.scheme}://{request.headers.get('host', '')}"
    return origin is not None and origin in (here, _origin(in_the_ui("")))


def _origin(address: str) -> str | None:
    parts = urlsplit(address)
    return f"{parts.scheme}://{parts.netloc}" if parts.netloc else None
