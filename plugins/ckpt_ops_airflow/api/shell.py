"""The one document of the pages, and the files that it loads. `make pages` writes them."""

from __future__ import annotations

import hashlib
import re
from functools import lru_cache
from pathlib import Path

from fastapi import APIRouter, Request
from fastapi.responses import Response
from starlette.exceptions import HTTPException

STATIC = Path(__file__).parents[1] / "static"

POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self' data:; "
    "font-src 'self'; base-uri 'none'; form-action 'self'; frame-src 'self'; frame-ancestors 'self'"
)
"""Nothing that is not Airflow's own runs, is loaded or is told anything; only Airflow may frame the pages."""

_HEADERS = {
    "Content-Security-Policy": POLICY,
    "Referrer-Policy": "same-origin",
    "X-Content-Type-Options": "nosniff",
}
_KINDS = {
    "css": "text/css; charset=utf-8",
    "html": "text/html; charset=utf-8",
    "js": "text/javascript; charset=utf-8",
    "svg": "image/svg+xml",
    "woff2": "font/woff2",
}
_ICON = """<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 24 24" width="24" height="24"
fill="none" stroke="{}" stroke-width="2" stroke-linecap="round" stroke-linejoin="round">
<path d="M3 17l5-5 4 3 8-9"/><path d="M14 6h6v6"/><path d="M3 21h18"/></svg>
"""
_INKS = {"light": "#18181b", "dark": "#f4f4f5"}
_NAME = re.compile(rf"[a-z][a-z0-9-]{{0,40}}\.({'|'.join(_KINDS)})")
_A_DAY = 24 * 60 * 60
_A_YEAR = 365 * _A_DAY


def shell_routes() -> APIRouter:
    """Routes for everyone who is logged in: there are no data in these files."""
    router = APIRouter()
    router.add_api_route("/", shell, response_class=Response)
    router.add_api_route("/static/{name}", static_file, response_class=Response)
    router.add_api_route("/icon/{theme}", icon, response_class=Response)
    return router


def shell(request: Request) -> Response:
    """The document."""
    return _file(request, "index.html")


def static_file(request: Request, name: str) -> Response:
    """A file of the pages. One that is asked for by its digest, as `?v=`, never changes."""
    return _file(request, name)


def icon(theme: str) -> Response:
    """What Airflow's navigation shows beside our name: for a light theme, or a dark one."""
    if theme not in _INKS:
        raise HTTPException(404, f"there is no icon for {theme}: only for {' and '.join(_INKS)}")
    headers = {**_HEADERS, "Cache-Control": f"private, max-age={_A_DAY}"}
    return Response(_ICON.format(_INKS[theme]), media_type=_KINDS["svg"], headers=headers)


def _file(request: Request, name: str) -> Response:
    path = STATIC / name
    if not _NAME.fullmatch(name) or not path.is_file():
        raise HTTPException(404, f"the pages have no file {name}\nNext: `make pages` makes them")
    data, digest = _read(path, path.stat().st_mtime_ns)
    tag = f'"{digest}"'
    by_digest = request.query_params.get("v", "") == digest
    kept = f"private, max-age={_A_YEAR}, immutable" if by_digest else "private, no-cache"
    headers = {**_HEADERS, "ETag": tag, "Cache-Control": kept}
    if tag in request.headers.get("if-none-match", ""):
        return Response(status_code=304, headers=headers)
    return Response(data, media_type=_KINDS[path.suffix[1:]], headers=headers)


@lru_cache(maxsize=32)
def _read(path: Path, changed: int) -> tuple[bytes, str]:
    """The content, and the first half of its SHA-256 in hexadecimal digits."""
    data = path.read_bytes()
    return data, hashlib.sha256(data).hexdigest()[:32]
