"""Values of ours as JSON that any browser reads: enums by value, and null for a number that is not finite."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import fields, is_dataclass
from datetime import datetime
from enum import Enum
from typing import Any

from fastapi.responses import Response

HEADERS: Mapping[str, str] = {
    "Cache-Control": "private, no-cache",
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
}


def json_answer(value: object, *, status: int = 200) -> Response:
    """An answer that holds the value."""
    return Response(
        json.dumps(plain(value), ensure_ascii=False, separators=(",", ":"), allow_nan=False).encode(
            "utf-8", "replace"
        ),
        status_code=status,
        media_type="application/json",
        headers=dict(HEADERS),
    )


def plain(value: object) -> Any:
    """The value made of dicts, lists, text and finite numbers only."""
    match value:
        case Enum():
            return plain(value.value)
        case None | bool() | str() | int():
            return value
        case float():
            return value if math.isfinite(value) else None
        case Mapping():
            return {str(name): plain(one) for name, one in value.items()}
        case datetime():
            return value.isoformat()
        case Sequence() | set() | frozenset():
            return [plain(one) for one in value]
    if is_dataclass(value) and not isinstance(value, type):
        return {one.name: plain(getattr(value, one.name)) for one in fields(value)}
    raise TypeError(f"no JSON for a {type(value).__name__}")
