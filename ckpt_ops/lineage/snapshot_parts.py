"""Parts of a snapshot: a stretch of a model's history, and what of it can wait to be read.

Of each field of a state that grows with history a part holds the entries at the same places: the 1,000th to
the 1,999th slice, version, move and so on. Its first line says all that a state is asked for at once. Below
it is a line for each version and each move, with their records: most are never looked at, and a line is read
when somebody does.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, fields
from itertools import islice
from typing import Any

from ckpt_ops.documents import BadDocument, parse, read_as, reading
from ckpt_ops.lineage.encoding import from_payload, to_payload
from ckpt_ops.lineage.moves import Move, Moves, UnreadMove
from ckpt_ops.lineage.records import Promoted, Record, RolledBack, SliceRef
from ckpt_ops.lineage.state import (
    OF_VERSION,
    LineageState,
    SliceState,
    SliceStatus,
    VersionState,
    VersionStatus,
)

RECORDS = ("deferred", "scored", "converted", "exported", "predicted")
"""Mappings to records that get an entry with a slice or a version, and lose none."""
GROWING = ("slices", "versions", "moves", *RECORDS)

_OF_SLICE = tuple(one.name for one in fields(SliceState))
_OF_VERSION = tuple(one.name for one in fields(VersionState))
_KNOWN = ("without", "ordinary", "transferred", "trained_at")
"""What follows from a version's records and is asked of every version."""

Entries = Mapping[str, Sequence[tuple[Any, Any]]]
"""By field of `GROWING`, its entries: key and value; moves have no key."""


def entries_of(state: LineageState) -> dict[str, list[tuple[Any, Any]]]:
    """Every entry of the fields that grow, in order."""
    found = {name: list(getattr(state, name).items()) for name in GROWING if name != "moves"}
    return {**found, "moves": [(None, move) for move in Moves(state.moves).items]}


def encode_entries(entries: Entries) -> tuple[dict[str, Any], list[bytes]]:
    """The first line's values, and the other lines."""
    lines: list[bytes] = []
    versions = [[key, *_from_version(one, lines)] for key, one in entries["versions"]]
    for _, move in entries["moves"]:
        lines.append(move.line if isinstance(move, _UnreadMove) else _move_line(*move))
    return {
        "fields": {"slice": _OF_SLICE, "version": _OF_VERSION, "known": _KNOWN},
        "slices": [[key, *_from_slice(one)] for key, one in entries["slices"]],
        "versions": versions,
        "moves": [int(_rolls_back(move)) for _, move in entries["moves"]],
        **{name: [[key, to_payload(one)] for key, one in entries[name]] for name in RECORDS},
    }, lines


def decode_entries(values: Mapping[str, Any], lines: Sequence[bytes], *, name: str) -> Entries:
    """The inverse of `encode_entries`. Raises `ValueError`, `TypeError` and the like, or `Corrupt`."""
    if values["fields"] != {"slice": [*_OF_SLICE], "version": [*_OF_VERSION], "known": [*_KNOWN]}:
        raise ValueError(f"it has missing or unknown fields: {values['fields']}")  # no default stands in
    moves = values["moves"]
    if len(lines) != len(values["versions"]) + len(moves):
        raise ValueError(f"it has {len(lines)} lines")
    below = iter(lines)
    return {
        "slices": [(key, _slice(row)) for key, *row in values["slices"]],
        "versions": [
            (row[0], _version(row[1:], line, name))
            for row, line in zip(values["versions"], islice(below, len(values["versions"])), strict=True)
        ],
        "moves": [(None, _UnreadMove(line, bool(one), name)) for one, line in zip(moves, below, strict=True)],
        **{field: [(key, from_payload(one, name=name)) for key, one in values[field]] for field in RECORDS},
    }


def same(one: Entries, other: Entries) -> bool:
    """Whether they hold the very same objects: what a fold leaves alone stays the same object."""
    return all(
        len(one[name]) == len(other[name])
        and all(a[1] is b[1] and a[0] == b[0] for a, b in zip(one[name], other[name], strict=True))
        for name in GROWING
    )


def _from_slice(one: SliceState) -> Iterator[Any]:
    for name in _OF_SLICE:
        value = getattr(one, name)
        yield _from_ref(value) if name == "ref" else value.value if name == "status" else value


def _slice(row: Sequence[Any]) -> SliceState:
    values = dict(zip(_OF_SLICE, row, strict=True))
    return SliceState(**{**values, "ref": _ref(values["ref"]), "status": SliceStatus(values["status"])})


def _from_version(one: VersionState, lines: list[bytes]) -> Iterator[Any]:
    """Its values, with the number in its line for each record; the line is added to `lines`."""
    unread = one.__dict__.get("_read")
    if isinstance(unread, _Records):
        lines.append(unread.line)
        at: Mapping[str, int | None] = unread.at
    else:
        records: list[Record] = []
        at = {name: _numbered(getattr(one, name), records) for name in OF_VERSION}
        lines.append(_line({"records": [to_payload(record) for record in records]}))
    for name in _OF_VERSION:
        if name in OF_VERSION:
            yield at[name]
        elif name == "slices":
            yield [_from_ref(ref) for ref in one.slices]
        else:
            value = getattr(one, name)
            yield value.value if name == "status" else value
    yield [_from_ref(ref) for ref in one.without]
    yield one.ordinary
    yield one.transferred
    yield one.trained_at


def _numbered(record: Record | None, records: list[Record]) -> int | None:
    """The record's place among `records`, where it is put: a version names many of them more than once."""
    if record is None:
        return None
    for number, known in enumerate(records):
        if known is record:
            return number
    records.append(record)
    return len(records) - 1


def _version(row: Sequence[Any], line: bytes, name: str) -> VersionState:
    values = dict(zip((*_OF_VERSION, *_KNOWN), row, strict=True))
    at = {field: values.pop(field) for field in OF_VERSION}
    return VersionState.unread(
        {
            **values,
            **{field: None for field, number in at.items() if number is None},
            "slices": tuple(map(_ref, values["slices"])),
            "status": VersionStatus(values["status"]),
            "without": tuple(map(_ref, values["without"])),
            "trained_at": None if values["trained_at"] is None else tuple(values["trained_at"]),
        },
        _Records(line, at, name),
    )


@dataclass(frozen=True, kw_only=True)
class _VersionLine:
    records: tuple[dict[str, Any], ...]


@dataclass(frozen=True, kw_only=True)
class _MoveLine:
    number: int
    record: dict[str, Any]


def _rolls_back(move: Move | UnreadMove) -> bool:
    return isinstance(move[1], RolledBack) if isinstance(move, tuple) else move.rolls_back


def _move_line(number: int, record: Record) -> bytes:
    return _line({"number": number, "record": to_payload(record)})


class _Records:
    """The records of a version, in a line."""

    def __init__(self, line: bytes, at: Mapping[str, int | None], name: str) -> None:
        self.line, self.at, self._name = line, at, name
        self._payloads: tuple[dict[str, Any], ...] | None = None
        self._read: dict[int, Record] = {}

    def __call__(self, field: str) -> Record:
        """The record in that field of the version. Raises `Corrupt`."""
        number = self.at[field]
        if number is None:
            raise AttributeError(field)
        found = self._read.get(number)
        if found is None:
            if self._payloads is None:
                with reading(self._name, "part of a snapshot"):
                    self._payloads = read_as(_VersionLine, parse(self.line)).records
            try:
                payload = self._payloads[number]
            except (IndexError, TypeError) as error:
                with reading(self._name, "part of a snapshot"):
                    raise BadDocument(f"a version has no record {number}") from error
            found = self._read[number] = from_payload(payload, name=self._name)
        return found


class _UnreadMove:
    """A move, in a line."""

    def __init__(self, line: bytes, rolls_back: bool, name: str) -> None:
        self.line, self.rolls_back, self._name = line, rolls_back, name
        self._move: Move | None = None

    def read(self) -> Move:
        """Raises `Corrupt`."""
        if self._move is None:
            with reading(self._name, "part of a snapshot"):
                line = read_as(_MoveLine, parse(self.line))
                record = from_payload(line.record, name=self._name)
                if not isinstance(record, Promoted | RolledBack):
                    raise BadDocument(f"a {type(record).__name__} moves no head")
            self._move = (line.number, record)
        return self._move


def _line(value: object) -> bytes:
    return json.dumps(value, separators=(",", ":")).encode()


def _from_ref(ref: SliceRef) -> list[str | int]:
    return [ref.key, ref.revision, ref.rows]


def _ref(values: list[Any]) -> SliceRef:
    key, revision, rows = values
    return SliceRef(key=key, revision=revision, rows=rows)
