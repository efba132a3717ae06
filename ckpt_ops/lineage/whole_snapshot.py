"""Snapshots of schema 5, a whole state in one document each. They are read, and not written any more."""

from __future__ import annotations

from dataclasses import fields
from typing import Any, TypeVar

from ckpt_ops.lineage.encoding import from_payload
from ckpt_ops.lineage.records import Record, SliceRef
from ckpt_ops.lineage.state import (
    OF_VERSION,
    LineageState,
    SliceState,
    SliceStatus,
    VersionState,
    VersionStatus,
)

SCHEMA = 5

_RECORDS = (
    *("deferred", "settled", "tainted", "forgotten", "purged", "scored", "converted", "predicted"),
    *("acknowledged", "exported"),
)
_LATER = ("acknowledged", "exported")
"""Of `_RECORDS`, left out when empty: snapshots from before they were known can be used.

A log without such records folds to none, whichever code folded it. Code that does not know them reads no log
that has one.
"""

T = TypeVar("T")


def state_in(payload: dict[str, Any], *, name: str) -> LineageState:
    """The state. Raises `KeyError`, `TypeError` and the like, or `Corrupt`: it is none."""
    records = [from_payload(one, name=name) for one in payload["records"]]
    values: dict[str, Any] = {**{name: {} for name in _LATER}, **payload["state"]}
    for field in _RECORDS:
        values[field] = {key: records[number] for key, number in values[field].items()}
    values["slices"] = {key: _slice(one) for key, one in values["slices"]}
    values["versions"] = {number: _version(one, records) for number, one in values["versions"]}
    values["dropped"] = frozenset(values["dropped"])
    values["moves"] = tuple((number, records[at]) for number, at in values["moves"])
    return whole(LineageState, values)


def _slice(values: dict[str, Any]) -> SliceState:
    return whole(SliceState, {**values, "ref": _ref(values["ref"]), "status": SliceStatus(values["status"])})


def _version(values: dict[str, Any], records: list[Record]) -> VersionState:
    made_by = {name: None if values[name] is None else records[values[name]] for name in OF_VERSION}
    slices, status = tuple(map(_ref, values["slices"])), VersionStatus(values["status"])
    return whole(VersionState, {**values, **made_by, "slices": slices, "status": status})


def _ref(values: list[Any]) -> SliceRef:
    key, revision, rows = values
    return SliceRef(key=key, revision=revision, rows=rows)


def whole(kind: type[T], values: dict[str, Any]) -> T:
    """A `kind` from exactly its fields: a default for what older code did not fold would be wrong."""
    names = _FIELDS[kind]
    if values.keys() != names:
        raise ValueError(f"{kind.__name__} has missing or unknown fields: {sorted(values.keys() ^ names)}")
    return kind(**values)


_FIELDS: dict[type[Any], frozenset[str]] = {
    kind: frozenset(field.name for field in fields(kind)) for kind in (LineageState, SliceState, VersionState)
}
