"""Snapshots of a model's state, so that a reader of a long log begins near its end.

A snapshot is derived: the log stays the truth, and whoever deletes all snapshots loses nothing but time.
So one is used only if both of these hold, else it is ignored:

* its bytes have the hash that they name, and the schema of this code;
* the log still holds the entry that it was taken at, with the same bytes. A log that was cut off, or a
  bucket that was restored and written on, lacks it or has a different one. Every record carries a nonce,
  so two histories that parted differ in every later entry: comparing one tells them apart.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any, TypeVar

import blake3

from ckpt_ops.documents import parse
from ckpt_ops.errors import Corrupt
from ckpt_ops.lineage.encoding import from_payload, to_payload
from ckpt_ops.lineage.records import Record, SliceRef
from ckpt_ops.lineage.state import LineageState, SliceState, SliceStatus, VersionState, VersionStatus
from ckpt_ops.store import Store

# Goes up whenever the same records fold to a different state, or a field changes its meaning: what older
# code folded is then ignored, and the log is folded again.
SCHEMA = 5

EVERY = 100  # entries
KEPT = 2

_NAME = re.compile(r"/((?!0{12})[0-9]{12})\.json")
_HEAD = re.compile(rb'\{"schema": ([0-9]+), "blake3": "([0-9a-f]{64})", "payload": ')
_PLAIN = (
    "model",
    "sequence",
    "head",
    "head_since",
    "held",
    "rejections",
    "suspects",
    "resolved",
    "changed_at_source",
)
_RECORDS = (
    *("deferred", "settled", "tainted", "forgotten", "purged", "scored", "converted", "predicted"),
    *("acknowledged", "exported"),
)
_LATER = ("acknowledged", "exported")
"""Of `_RECORDS`, left out when empty: snapshots from before they were known can be used.

A log without such records folds to none, whichever code folded it. Code that does not know them reads no log
that has one.
"""
_OF_VERSION = ("started", "trained", "evaluated", "decided", "approved", "promoted")

T = TypeVar("T")


@dataclass(frozen=True, kw_only=True)
class Snapshot:
    """A model's state after entry `state.sequence` of its log.

    Attributes:
        entry: blake3 of that entry's bytes.
    """

    state: LineageState
    entry: str

    @classmethod
    def at(cls, entry: bytes, state: LineageState) -> Snapshot:
        """The state that the log adds up to with its last `entry`."""
        return cls(state=state, entry=blake3.blake3(entry).hexdigest())

    def is_at(self, entry: bytes) -> bool:
        """Whether it was taken at these bytes."""
        return self.entry == blake3.blake3(entry).hexdigest()


def encode(snapshot: Snapshot) -> bytes:
    """The snapshot as JSON. The same history gives the same bytes."""
    state, table = snapshot.state, _Table()
    payload = {
        "entry": snapshot.entry,
        "state": {
            **{name: getattr(state, name) for name in _PLAIN},
            **{
                name: _indices(getattr(state, name), table)
                for name in _RECORDS
                if name not in _LATER or getattr(state, name)
            },
            "slices": [[key, _from_slice(one)] for key, one in state.slices.items()],
            "versions": [[number, _from_version(one, table)] for number, one in state.versions.items()],
            "dropped": sorted(state.dropped),
            "moves": [[number, table.number(record)] for number, record in state.moves],
        },
        "records": table.payloads,
    }
    body = json.dumps(payload, separators=(",", ":")).encode()
    head = f'{{"schema": {SCHEMA}, "blake3": "{blake3.blake3(body).hexdigest()}", "payload": '
    return head.encode() + body + b"}"


def decode(data: bytes, *, name: str = "snapshot") -> Snapshot:
    """The inverse of `encode`.

    Raises:
        Corrupt: naming `name`: the bytes are damaged, or were written by code that folds differently.
    """
    head = _HEAD.match(data)
    if head is None:
        raise _unusable(name, "it is not a snapshot")
    if int(head[1]) != SCHEMA:
        raise _unusable(name, f"it has schema {int(head[1])}, this ckpt_ops reads schema {SCHEMA}")
    body = data[head.end() : -1]
    if blake3.blake3(body).hexdigest().encode() != head[2] or data[-1:] != b"}":
        raise _unusable(name, "its bytes do not match the hash that it names")
    try:
        payload = parse(body)
        return Snapshot(state=_state(payload, name), entry=str(payload["entry"]))
    except (KeyError, IndexError, TypeError, ValueError) as error:
        raise _unusable(name, f"{error!r}") from error


class Snapshots:
    """The snapshots of `model` in `store`: `models/{model}/snapshots/{sequence:012d}.json`.

    Each is written by the one writer whose record got that number, so no two write the same name.
    """

    def __init__(self, store: Store, model: str) -> None:
        self._store, self._model, self._prefix = store, model, f"models/{model}/snapshots"

    def name(self, number: int) -> str:
        return f"{self._prefix}/{number:012d}.json"

    def numbers(self) -> list[int]:
        """The entries at which there are snapshots, the newest first."""
        names = (
            _NAME.fullmatch(entry.name, len(self._prefix)) for entry in self._store.list(f"{self._prefix}/")
        )
        return sorted((int(name[1]) for name in names if name), reverse=True)

    def read(self, number: int) -> Snapshot:
        """The snapshot at entry `number`.

        Raises:
            ObjectNotFound: it is gone.
            Corrupt: it cannot be used.
        """
        name = self.name(number)
        found = decode(self._store.get(name), name=f"{self._store.url}/{name}")
        if (found.state.model, found.state.sequence) != (self._model, number):
            of = f"entry {found.state.sequence} of {found.state.model}"
            raise _unusable(f"{self._store.url}/{name}", f"it was taken at {of}")
        return found

    def write(self, snapshot: Snapshot) -> None:
        self._store.put(self.name(snapshot.state.sequence), encode(snapshot))

    def remove_older(self, than: int) -> None:
        """Leave the one at entry `than`, the one before it, and any after it.

        The one before stays for readers that have listed it, and in case the newer one is damaged.
        """
        for number in [each for each in self.numbers() if each <= than][KEPT:]:
            self._store.delete(self.name(number))


class _Table:
    """Records by number. A state names many of them more than once."""

    def __init__(self) -> None:
        self.payloads: list[dict[str, Any]] = []
        self._numbers: dict[int, int] = {}

    def number(self, record: Record) -> int:
        # by identity: the state keeps every record alive, and a record with a dict in it has no hash
        number = self._numbers.setdefault(id(record), len(self.payloads))
        if number == len(self.payloads):
            self.payloads.append(to_payload(record))
        return number


def _state(payload: dict[str, Any], name: str) -> LineageState:
    records = [from_payload(one, name=name) for one in payload["records"]]
    values: dict[str, Any] = {**{name: {} for name in _LATER}, **payload["state"]}
    for field in _RECORDS:
        values[field] = {key: records[number] for key, number in values[field].items()}
    values["slices"] = {key: _slice(one) for key, one in values["slices"]}
    values["versions"] = {number: _version(one, records) for number, one in values["versions"]}
    values["dropped"] = frozenset(values["dropped"])
    values["moves"] = tuple((number, records[at]) for number, at in values["moves"])
    return _whole(LineageState, values)


def _indices(records: Mapping[str, Record], table: _Table) -> dict[str, int]:
    return {key: table.number(record) for key, record in records.items()}


def _from_slice(one: SliceState) -> dict[str, Any]:
    return {**_values(one), "ref": _from_ref(one.ref), "status": one.status.value}


def _slice(values: dict[str, Any]) -> SliceState:
    return _whole(SliceState, {**values, "ref": _ref(values["ref"]), "status": SliceStatus(values["status"])})


def _from_version(one: VersionState, table: _Table) -> dict[str, Any]:
    made_by = {name: getattr(one, name) for name in _OF_VERSION}
    return {
        **_values(one),
        **{name: None if record is None else table.number(record) for name, record in made_by.items()},
        "slices": [_from_ref(ref) for ref in one.slices],
        "status": one.status.value,
    }


def _version(values: dict[str, Any], records: list[Record]) -> VersionState:
    made_by = {name: None if values[name] is None else records[values[name]] for name in _OF_VERSION}
    slices, status = tuple(map(_ref, values["slices"])), VersionStatus(values["status"])
    return _whole(VersionState, {**values, **made_by, "slices": slices, "status": status})


def _from_ref(ref: SliceRef) -> list[str | int]:
    return [ref.key, ref.revision, ref.rows]


def _ref(values: list[Any]) -> SliceRef:
    key, revision, rows = values
    return SliceRef(key=key, revision=revision, rows=rows)


def _values(one: Any) -> dict[str, Any]:
    return {field.name: getattr(one, field.name) for field in fields(one)}


def _whole(kind: type[T], values: dict[str, Any]) -> T:
    """A `kind` from exactly its fields: a default for what older code did not fold would be wrong."""
    names = _FIELDS[kind]
    if values.keys() != names:
        raise ValueError(f"{kind.__name__} has missing or unknown fields: {sorted(values.keys() ^ names)}")
    return kind(**values)


_FIELDS: dict[type[Any], frozenset[str]] = {
    kind: frozenset(field.name for field in fields(kind)) for kind in (LineageState, SliceState, VersionState)
}


def _unusable(name: str, why: str) -> Corrupt:
    return Corrupt(
        f"{name} cannot be used: {why}",
        safe="the log is the truth; a snapshot is only derived from it",
        next="nothing to do: an older snapshot, or the whole log, is read instead",
    )
