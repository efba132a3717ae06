"""From records to the bytes of a log entry, and back.

Readers of a later version of this code must read what this one wrote, so `SCHEMA` goes up when a field
changes its meaning.
"""

from __future__ import annotations

import dataclasses
import json
from typing import Any

from ckpt_ops.errors import Corrupt
from ckpt_ops.lineage.records import (
    Approved,
    CandidateStarted,
    CandidateTrained,
    CheckpointsDropped,
    Converted,
    Evaluated,
    Forgotten,
    Held,
    HoldResolved,
    Predicted,
    Promoted,
    Purged,
    Record,
    Rejected,
    Released,
    RolledBack,
    ShadowScored,
    SliceAccepted,
    SliceDiscarded,
    SliceQuarantined,
    SliceTainted,
    SliceWithdrawn,
    SourceChanged,
    TaintLifted,
    UpdateDeferred,
)
from ckpt_ops.store.documents import document, read_as, reading

SCHEMA = 1

_TYPES: dict[str, type[Record]] = {
    kind.__name__: kind
    for kind in (
        SliceAccepted,
        SliceQuarantined,
        SliceDiscarded,
        SliceWithdrawn,
        SliceTainted,
        SourceChanged,
        TaintLifted,
        HoldResolved,
        UpdateDeferred,
        CandidateStarted,
        CandidateTrained,
        ShadowScored,
        Evaluated,
        Approved,
        Promoted,
        Rejected,
        RolledBack,
        CheckpointsDropped,
        Forgotten,
        Purged,
        Converted,
        Predicted,
        Held,
        Released,
    )
}


def to_payload(record: Record) -> dict[str, Any]:
    """The record as plain values, with its type and schema."""
    return {"schema": SCHEMA, "type": type(record).__name__, **dataclasses.asdict(record)}


def encode(record: Record) -> bytes:
    """The record as the bytes of a log entry: JSON."""
    return json.dumps(to_payload(record), sort_keys=True, indent=1).encode()


def decode(data: bytes, *, name: str = "log entry") -> Record:
    """The record in `data`. Raises `Corrupt`, naming `name`, when it is none that this code knows."""
    with reading(name, "record"):
        return _record(document(data), name)


def from_payload(payload: dict[str, Any], *, name: str) -> Record:
    """The inverse of `to_payload`, also of what JSON made of it. Raises `Corrupt`, naming `name`."""
    with reading(name, "record"):
        return _record(dict(payload), name)


def _record(payload: dict[str, Any], name: str) -> Record:
    """Raises `BadDocument`; and `Corrupt`, naming `name`, when a later version of this code wrote it."""
    schema = read_as(int, payload.pop("schema", None), at="schema")
    kind = read_as(str, payload.pop("type", None), at="type")
    if schema > SCHEMA or kind not in _TYPES:
        raise Corrupt(
            f"{name} is a {kind} of schema {schema}; this ckpt_ops reads up to schema {SCHEMA}",
            safe="nothing was changed",
            next="install the ckpt_ops version that wrote it, or a later one",
        )
    return read_as(_TYPES[kind], payload)
