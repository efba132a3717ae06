"""Views and refusals as the answers of routes: JSON, for our own pages' scripts only."""

from __future__ import annotations

import json
from collections.abc import Mapping

from fastapi.responses import Response

from ckpt_ops.views import plain

HEADERS: Mapping[str, str] = {
    "Cache-Control": "private, no-cache",
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
}


def json_answer(value: object, *, status: int = 200) -> Response:
    """An answer that holds the value."""
    # surrogates, which no UTF-8 has, may be in texts that came from file names
    data = json.dumps(plain(value), ensure_ascii=False, separators=(",", ":"), allow_nan=False)
    return Response(
        data.encode("utf-8", "replace"),
        status_code=status,
        media_type="application/json",
        headers=dict(HEADERS),
    )
