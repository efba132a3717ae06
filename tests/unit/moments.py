"""At which writes a process is killed: at each of them (`make soak`), or at some (`make test`)."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence

import pytest

from ckpt_ops.store.content import is_log_entry

each_write = pytest.mark.parametrize(
    "each", [False, pytest.param(True, marks=pytest.mark.soak)], ids=["some", "each"]
)
"""A test that kills at each write with `each`, and otherwise at those that `moments` picks."""


def kind_of(name: str, data: bytes | memoryview = b"") -> str:
    """What kind of object a write is about: its name without numbers, of a log's entry its record too."""
    kind = re.sub(r"[0-9a-f]{8,}|\d+", "#", name)
    return f"{kind} {json.loads(bytes(data))['type']}" if data and is_log_entry(name) else kind


def moments(kinds: Sequence[str], *, each: bool) -> list[int]:
    """Numbers of writes, from 1: the first of each kind, the last of all, and every twentieth in between."""
    last = len(kinds)
    if each:
        return list(range(1, last + 1))
    return sorted({kinds.index(kind) + 1 for kind in kinds} | {*range(1, last + 1, 20), last})
