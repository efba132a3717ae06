"""Snapshots of a model's state, so that a reader of a long log begins near its end.

A snapshot is derived: the log stays the truth, and whoever deletes all snapshots loses nothing but time.
So one is used only if all of these hold, else it is ignored:

* its bytes have the hash that they name, and a schema of this code;
* so have the parts that it names, every one of them;
* the log still holds the entry that it was taken at, with the same bytes. A log that was cut off, or a
  bucket that was restored and written on, lacks it or has a different one. Every record carries a nonce,
  so two histories that parted differ in every later entry: comparing one tells them apart.

What grows with a history is cut into parts of 1,000 and of 100 entries by their places, and the rest, less
than 100, is in the snapshot itself. A part is written once and named by every snapshot that has the same
entries there, so a snapshot costs what came or changed since the one before. See `snapshot_parts`.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from typing import Any

import blake3

from ckpt_ops.documents import parse
from ckpt_ops.errors import Corrupt, ObjectNotFound
from ckpt_ops.lineage import whole_snapshot
from ckpt_ops.lineage.encoding import from_payload, to_payload
from ckpt_ops.lineage.moves import Moves
from ckpt_ops.lineage.snapshot_parts import (
    GROWING,
    Entries,
    decode_entries,
    encode_entries,
    entries_of,
    same,
)
from ckpt_ops.lineage.state import LineageState
from ckpt_ops.lineage.whole_snapshot import whole
from ckpt_ops.store import Store

# Goes up whenever the same records fold to a different state, or a field changes its meaning: what older
# code folded is then ignored, and the log is folded again.
SCHEMA = 6

EVERY = 100  # entries
KEPT = 2
SIZES = (1_000, 100)
"""Entries of a part."""

_SIDE_BY_SIDE = 8
_NAME = re.compile(r"/((?!0{12})[0-9]{12})\.json")
_PART = re.compile(r"/parts/([0-9]{12})-[0-9a-f]{32}\.json")
_HEAD = re.compile(rb'\{"schema": ([0-9]+), "blake3": "([0-9a-f]{64})", "payload": ')
_PLAIN = ("model", "sequence", "head", "head_since", "held")
_MAPPINGS = ("rejections", "suspects", "resolved", "changed_at_source")
_RECORDS = ("settled", "tainted", "forgotten", "purged", "acknowledged")


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


@dataclass(frozen=True, kw_only=True)
class Part:
    """A part as snapshots name it.

    Attributes:
        first, last: the places of its entries; `last` is not among them.
        name: below the folder of snapshots. It holds the number of the first snapshot that had it.
        blake3: of its bytes.
    """

    first: int
    last: int
    name: str
    blake3: str


@dataclass(frozen=True, kw_only=True, eq=False)
class KnownPart:
    """A part that was read or written, and what is in it."""

    part: Part
    entries: Entries


@dataclass(frozen=True, kw_only=True, eq=False)
class Encoded:
    """A snapshot as bytes.

    Attributes:
        data: of the snapshot itself.
        parts: in order; `new`: by name, the bytes of those that were not known.
    """

    data: bytes
    parts: tuple[KnownPart, ...]
    new: Mapping[str, bytes]


def encode(snapshot: Snapshot, *, known: Sequence[KnownPart] = ()) -> Encoded:
    """The snapshot as bytes. The same history gives the same, but for the names of parts.

    Args:
        known: parts of the snapshot before: those that hold the same are named again.
    """
    state, entries = snapshot.state, entries_of(snapshot.state)
    there = {(one.part.first, one.part.last): one for one in known}
    parts, new, end = [], {}, 0
    for first, last in _cuts(max(map(len, entries.values()))):
        cut, end = _between(entries, first, last), last
        one = there.get((first, last))
        if one is None or not same(one.entries, cut):
            data = _document(*encode_entries(cut))
            digest = blake3.blake3(data).hexdigest()
            name = f"parts/{state.sequence:012d}-{digest[:32]}.json"
            one = KnownPart(part=Part(first=first, last=last, name=name, blake3=digest), entries=cut)
            new[name] = data
        parts.append(one)
    rest, lines = encode_entries(_between(entries, end, None))
    payload = {
        "entry": snapshot.entry,
        "parts": [[one.part.first, one.part.last, one.part.name, one.part.blake3] for one in parts],
        "state": {
            **{name: getattr(state, name) for name in _PLAIN},
            **{name: dict(getattr(state, name)) for name in _MAPPINGS},
            **{
                name: {key: to_payload(one) for key, one in getattr(state, name).items()} for name in _RECORDS
            },
            "dropped": sorted(state.dropped),
        },
        "rest": rest,
    }
    return Encoded(data=_document(payload, lines), parts=tuple(parts), new=new)


@dataclass(frozen=True, kw_only=True, eq=False)
class Decoded:
    """A snapshot that was read, with the parts that it names."""

    snapshot: Snapshot
    parts: tuple[KnownPart, ...]


def parts_in(data: bytes, *, name: str = "snapshot") -> tuple[Part, ...]:
    """The parts that a snapshot names. Raises `Corrupt` as `decode`."""
    schema, payload, _ = _read(data, name)
    if schema == whole_snapshot.SCHEMA:
        return ()
    try:
        return tuple(_part(one) for one in payload["parts"])
    except (KeyError, TypeError, ValueError) as error:
        raise _unusable(name, f"{error!r}") from error


def decode(data: bytes, parts: Mapping[str, bytes] | None = None, *, name: str = "snapshot") -> Decoded:
    """The inverse of `encode`, also of what older code encoded.

    Args:
        parts: the bytes of those that it names, by name.

    Raises:
        Corrupt: naming `name`: bytes are damaged, or were written by code that folds differently.
    """
    schema, payload, lines = _read(data, name)
    try:
        if schema == whole_snapshot.SCHEMA:
            state = whole_snapshot.state_in(payload, name=name)
            return Decoded(snapshot=Snapshot(state=state, entry=str(payload["entry"])), parts=())
        known = tuple(_known(_part(one), parts or {}, name) for one in payload["parts"])
        cuts = [*(one.entries for one in known), decode_entries(payload["rest"], lines, name=name)]
        state = _state(payload["state"], cuts, name)
        return Decoded(snapshot=Snapshot(state=state, entry=str(payload["entry"])), parts=known)
    except (AttributeError, KeyError, IndexError, TypeError, ValueError) as error:
        raise _unusable(name, f"{error!r}") from error


class Snapshots:
    """The snapshots of `model` in `store`: `models/{model}/snapshots/{sequence:012d}.json`.

    Each is written by the one writer whose record got that number, so no two write the same name. Parts are
    below `parts/`, named by their bytes.
    """

    def __init__(self, store: Store, model: str) -> None:
        self._store, self._model, self._prefix = store, model, f"models/{model}/snapshots"
        self._known: tuple[KnownPart, ...] = ()
        self._named: dict[int, frozenset[str]] = {}

    def name(self, number: int) -> str:
        return f"{self._prefix}/{number:012d}.json"

    def numbers(self) -> list[int]:
        """The entries at which there are snapshots, the newest first."""
        return self._numbers(self._names())

    def read(self, number: int) -> Snapshot:
        """The snapshot at entry `number`.

        Raises:
            ObjectNotFound: it is gone, or a part of it is.
            Corrupt: it cannot be used.
        """
        name = self.name(number)
        data, url = self._store.get(name), f"{self._store.url}/{name}"
        named = parts_in(data, name=url)
        with ThreadPoolExecutor(_SIDE_BY_SIDE) as pool:
            read = pool.map(lambda part: self._store.get(f"{self._prefix}/{part.name}"), named)
            parts = {part.name: found for part, found in zip(named, read, strict=True)}
        found = decode(data, parts, name=url)
        state = found.snapshot.state
        if (state.model, state.sequence) != (self._model, number):
            raise _unusable(url, f"it was taken at entry {state.sequence} of {state.model}")
        self._remember(number, found.parts)
        return found.snapshot

    def write(self, snapshot: Snapshot) -> None:
        """Write the snapshot, after those of its parts that are not there."""
        there = set(self._names())
        known = [one for one in self._known if f"{self._prefix}/{one.part.name}" in there]
        encoded = encode(snapshot, known=known)
        with ThreadPoolExecutor(_SIDE_BY_SIDE) as pool:
            put = partial(self._put_part, encoded.new)
            list(pool.map(put, encoded.new))
        self._store.put(self.name(snapshot.state.sequence), encoded.data)
        self._remember(snapshot.state.sequence, encoded.parts)

    def remove_older(self, than: int) -> None:
        """Leave the one at entry `than`, the one before it, and any after it, with their parts.

        The one before stays for readers that have listed it, and in case the newer one is damaged.
        """
        names = self._names()
        numbers = self._numbers(names)
        gone = [each for each in numbers if each <= than][KEPT:]
        for number in gone:
            self._store.delete(self.name(number))
        try:
            needed = {name for each in numbers if each not in gone for name in self._parts_of(each)}
        except (Corrupt, ObjectNotFound):
            return  # nobody can say what that one needs; it is gone itself in a while
        for name in names:
            part = _PART.fullmatch(name, len(self._prefix))
            if part and int(part[1]) <= than and name.removeprefix(f"{self._prefix}/") not in needed:
                self._store.delete(name)

    def _put_part(self, parts: Mapping[str, bytes], name: str) -> None:
        self._store.put(f"{self._prefix}/{name}", parts[name])

    def _parts_of(self, number: int) -> frozenset[str]:
        if number not in self._named:
            name = self.name(number)
            self._named[number] = frozenset(
                part.name for part in parts_in(self._store.get(name), name=f"{self._store.url}/{name}")
            )
        return self._named[number]

    def _remember(self, number: int, parts: tuple[KnownPart, ...]) -> None:
        self._known = parts
        self._named = {
            **dict(list(self._named.items())[-KEPT:]),
            number: frozenset(p.part.name for p in parts),
        }

    def _names(self) -> list[str]:
        return [entry.name for entry in self._store.list(f"{self._prefix}/")]

    def _numbers(self, names: Sequence[str]) -> list[int]:
        found = (_NAME.fullmatch(name, len(self._prefix)) for name in names)
        return sorted((int(name[1]) for name in found if name), reverse=True)


def _cuts(count: int) -> Iterator[tuple[int, int]]:
    """Where `count` entries are cut: as many large parts as fit, then smaller ones."""
    first = 0
    for size in SIZES:
        while first + size <= count:
            yield first, first + size
            first += size


def _between(entries: Entries, first: int, last: int | None) -> Entries:
    return {name: entries[name][first:last] for name in GROWING}


def _state(values: Mapping[str, Any], cuts: Sequence[Entries], name: str) -> LineageState:
    found: dict[str, Any] = dict(values)
    for field in _RECORDS:
        found[field] = {key: from_payload(one, name=name) for key, one in found[field].items()}
    for field in GROWING:
        found[field] = {key: one for cut in cuts for key, one in cut[field]} if field != "moves" else None
    moves = Moves(one for cut in cuts for _, one in cut["moves"])
    return whole(LineageState, {**found, "moves": moves, "dropped": frozenset(found["dropped"])})


def _part(values: Sequence[Any]) -> Part:
    first, last, name, digest = values
    if not _PART.fullmatch(f"/{name}"):
        raise ValueError(f"{name!r:.60} is no part")  # or a snapshot could name any object
    return Part(first=first, last=last, name=name, blake3=digest)


def _known(part: Part, parts: Mapping[str, bytes], name: str) -> KnownPart:
    data = parts[part.name]
    if blake3.blake3(data).hexdigest() != part.blake3:
        raise ValueError(f"the bytes of {part.name} do not have the hash that it names")
    _, values, lines = _read(data, name)
    return KnownPart(part=part, entries=decode_entries(values, lines, name=name))


def _document(payload: Mapping[str, Any], lines: Sequence[bytes]) -> bytes:
    """A line of JSON with the hash of what is in it and in the other lines, and those."""
    first = json.dumps(payload, separators=(",", ":")).encode()
    rest = b"".join(b"\n" + line for line in lines)
    digest = blake3.blake3(first + rest).hexdigest()
    return f'{{"schema": {SCHEMA}, "blake3": "{digest}", "payload": '.encode() + first + b"}" + rest


def _read(data: bytes, name: str) -> tuple[int, dict[str, Any], list[bytes]]:
    """The schema, the payload and the other lines. Raises `Corrupt`."""
    head = _HEAD.match(data)
    if head is None:
        raise _unusable(name, "it is not a snapshot")
    schema = int(head[1])
    if schema not in (SCHEMA, whole_snapshot.SCHEMA):
        raise _unusable(name, f"it has schema {schema}, this ckpt_ops reads schema {SCHEMA}")
    first, newline, rest = data[head.end() :].partition(b"\n")
    body = first[:-1]
    if blake3.blake3(body + newline + rest).hexdigest().encode() != head[2] or first[-1:] != b"}":
        raise _unusable(name, "its bytes do not match the hash that it names")
    try:
        return schema, parse(body), rest.split(b"\n") if newline else []
    except ValueError as error:
        raise _unusable(name, f"{error!r}") from error


def _unusable(name: str, why: str) -> Corrupt:
    return Corrupt(
        f"{name} cannot be used: {why}",
        safe="the log is the truth; a snapshot is only derived from it",
        next="nothing to do: an older snapshot, or the whole log, is read instead",
    )
