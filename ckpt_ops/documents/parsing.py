"""From bytes to plain JSON values, within bounds.

Whoever can write to a store can write anything there: bytes that are not JSON, endlessly nested lists, a
gigabyte of brackets. All of that is refused here, before anything is made of it.
"""

from __future__ import annotations

import json
from typing import Any

LARGEST_BYTES = 2**30
"""The most a document may have. One of a million chunks or log entries has a fifth of that."""
DEEPEST = 200
"""Objects and lists inside one another. A model's structure, the deepest, takes four per nested layer."""
LARGEST_NUMBER = 2**63
"""Bound of a size, a count or a version number: none is larger on any machine."""


class BadDocument(ValueError):
    """What is wrong with a document, without its name. `reading` adds the name and makes it `Corrupt`."""


def parse(data: bytes) -> dict[str, Any]:
    """The JSON object in `data`. Raises `BadDocument`."""
    if len(data) > LARGEST_BYTES:
        raise BadDocument(f"it has {len(data):,} bytes; a document has at most {LARGEST_BYTES:,}")
    try:
        found = json.loads(data)
    except ValueError as error:
        raise BadDocument(f"it is not JSON: {error}") from None
    except RecursionError:
        raise BadDocument("it is nested too deeply") from None
    if not isinstance(found, dict):
        raise BadDocument(f"it is {shown(found)}, not a JSON object")
    # counting is cheap compared with parsing, and few documents have that many
    if data.count(b"{") + data.count(b"[") > DEEPEST and _is_deep(found):
        raise BadDocument("it is nested too deeply")
    return found


def shown(value: object) -> str:
    """A value in short form: a document may hold gigabytes in the wrong place."""
    match value:
        case dict():
            return "a JSON object"
        case list() | tuple():
            return f"a list of {len(value)}"
        case int() if not -LARGEST_NUMBER < value < LARGEST_NUMBER:
            return "a number of more than 64 bits"
        case str() if len(value) > 40:
            return f"{value[:40]!r}..."
    return repr(value)


def _is_deep(found: dict[str, Any]) -> bool:
    level: list[Any] = [found]
    for _ in range(DEEPEST):
        level = [
            inner
            for outer in level
            for inner in (outer.values() if isinstance(outer, dict) else outer)
            if isinstance(inner, dict | list)
        ]
        if not level:
            return False
    return True
