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
    SliceRef,
    SliceTainted,
    SliceWithdrawn,
    TaintLifted,
    UpdateDeferred,
)

SCHEMA = 1

_TYPES: dict[str, type[Record]] = {
    kind.__name__: kind
    for kind in (
        SliceAccepted,
        SliceQuarantined,
        SliceDiscarded,
        SliceWithdrawn,
        SliceTainted,
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


_TUPLES = {"verdicts", "versions", "keys"}


def to_payload(record: Record) -> dict[str, Any]:
    """The record as plain values, with its type and schema."""
    return {"schema": SCHEMA, "type": type(record).__name__, **dataclasses.asdict(record)}


def encode(record: Record) -> bytes:
    """The record as the bytes of a log entry: JSON."""
    return json.dumps(to_payload(record), sort_keys=True, indent=1).encode()


def decode(data: bytes, *, name: str = "log entry") -> Record:
    """The record in `data`. Raises `Corrupt`, naming `name`, when it is none that this code knows."""
    try:
        payload: dict[str, Any] = dict(json.loads(data))
    except (ValueError, TypeError) as error:
        raise Corrupt(f"{name} is no record: {error!r}", next="restore the object from a replica") from error
    return from_payload(payload, name=name)


def from_payload(payload: dict[str, Any], *, name: str) -> Record:
    """The inverse of `to_payload`, also of what JSON made of it. Raises `Corrupt`, naming `name`."""
    payload = dict(payload)
    try:
        schema, kind = int(payload.pop("schema")), str(payload.pop("type"))
    except (ValueError, KeyError, TypeError) as error:
        raise Corrupt(f"{name} is no record: {error!r}", next="restore the object from a replica") from error
    if schema > SCHEMA or kind not in _TYPES:
        raise Corrupt(
            f"{name} is a {kind} of schema {schema}; this ckpt_ops reads up to schema {SCHEMA}",
            safe="nothing was changed",
            next="install the ckpt_ops version that wrote it, or a later one",
        )
    try:
        if "slice" in payload:
            payload["slice"] = SliceRef(**payload["slice"])
        if "slices" in payload:
            payload["slices"] = tuple(SliceRef(**ref) for ref in payload["slices"])
        for field_name in _TUPLES & payload.keys():
            payload[field_name] = tuple(payload[field_name])
        if "revisions" in payload:
            payload["revisions"] = tuple((key, revision) for key, revision in payload["revisions"])
        return _TYPES[kind](**payload)
    except TypeError as error:
        raise Corrupt(f"{name} is no {kind}: {error}", next="restore the object from a replica") from error
