"""From records to the bytes of a log entry, and back.

Readers of a later version of this code must read what this one wrote, so `SCHEMA` goes up when a field
changes its meaning.
"""

from __future__ import annotations

from typing import Any

from ckpt_ops.documents import DocumentKind, parse, read_as
from ckpt_ops.lineage.records import (
    AcknowledgementLifted,
    Approved,
    CandidateStarted,
    CandidateTrained,
    CheckpointsDropped,
    Converted,
    Evaluated,
    Exported,
    Forgotten,
    Held,
    LateSliceResolved,
    MissingAcknowledged,
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
from ckpt_ops.wire_names import as_stored

SCHEMA = 1
_DOCUMENT = DocumentKind(what="record", schema=SCHEMA)

# By the names in the log, which stay when a class is renamed.
_TYPES: dict[str, type[Record]] = {
    "SliceAccepted": SliceAccepted,
    "SliceQuarantined": SliceQuarantined,
    "SliceDiscarded": SliceDiscarded,
    "SliceWithdrawn": SliceWithdrawn,
    "SliceTainted": SliceTainted,
    "SourceChanged": SourceChanged,
    "TaintLifted": TaintLifted,
    "HoldResolved": LateSliceResolved,
    "MissingAcknowledged": MissingAcknowledged,
    "AcknowledgementLifted": AcknowledgementLifted,
    "UpdateDeferred": UpdateDeferred,
    "CandidateStarted": CandidateStarted,
    "CandidateTrained": CandidateTrained,
    "ShadowScored": ShadowScored,
    "Evaluated": Evaluated,
    "Approved": Approved,
    "Promoted": Promoted,
    "Rejected": Rejected,
    "RolledBack": RolledBack,
    "CheckpointsDropped": CheckpointsDropped,
    "Forgotten": Forgotten,
    "Purged": Purged,
    "Converted": Converted,
    "Exported": Exported,
    "Predicted": Predicted,
    "Held": Held,
    "Released": Released,
}
_ONLY_WHERE_THERE = frozenset({"scored_rows"})
"""Fields that are left out while they are empty: a record without them is the one that older code wrote."""
_NAMES = {kind: name for name, kind in _TYPES.items()}


def type_name(record: Record) -> str:
    """The name of the record's type in the log, and wherever a log is shown."""
    return _NAMES[type(record)]


def to_payload(record: Record) -> dict[str, Any]:
    """The record as plain values, with its type and schema."""
    return _DOCUMENT.numbered(_fields(record))


def encode(record: Record) -> bytes:
    """The record as the bytes of a log entry: JSON."""
    return _DOCUMENT.encode(_fields(record))


def decode(data: bytes, *, name: str = "log entry") -> Record:
    """The record in `data`. Raises `Corrupt`, naming `name`, when this code cannot read it."""
    with _DOCUMENT.reading(name):
        return _record(parse(data), name)


def from_payload(payload: dict[str, Any], *, name: str) -> Record:
    """The inverse of `to_payload`, also of what JSON made of it. Raises `Corrupt`, naming `name`."""
    with _DOCUMENT.reading(name):
        return _record(payload, name)


def _fields(record: Record) -> dict[str, Any]:
    stored = as_stored(record)
    return {
        "type": type_name(record),
        **{name: value for name, value in stored.items() if value or name not in _ONLY_WHERE_THERE},
    }


def _record(payload: dict[str, Any], name: str) -> Record:
    """Raises `BadDocument`; and `Corrupt`, naming `name`, when a newer ckpt_ops wrote it."""
    fields = _DOCUMENT.upgraded(payload, name=name)
    kind = read_as(str, fields.pop("type", None), at="type")
    if kind not in _TYPES:
        raise _DOCUMENT.newer(name, f"its type is {kind!r:.40}, which this one does not know")
    return read_as(_TYPES[kind], fields)
