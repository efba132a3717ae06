"""Rows of a text file that do not parse: left out of the slice, counted, and kept to be looked at.

    slices/{source}/{key}/unread/{blake3}.json

A part's receipt and the slice's manifest name such files and say how many rows they stand for: validation
counts them as it counts rows that fail an expectation. A cell's text is kept, not its row: the row is in the
file that it came from.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from blake3 import blake3

from ckpt_ops.documents import DocumentKind
from ckpt_ops.slices.identity import digest
from ckpt_ops.store import Store

KEPT = 10_000
"""How many rows of a part are kept; of further ones, only their number."""

_LONGEST = 200
_TELLING = 1_000
"""A file of which most rows are bad is given up early once more than so many are."""


@dataclass(frozen=True, kw_only=True)
class UnreadRow:
    """A row that does not parse.

    Attributes:
        file: its name below the source's url.
        line: from 1; of a row of several lines, the first.
        column: "" when the fault is not in one column.
        value: what stands there, at most 200 characters.
        why: what is wrong with it.
    """

    file: str
    line: int
    column: str
    value: str
    why: str

    @property
    def message(self) -> str:
        """For people."""
        of = f", column {self.column}" if self.column else ""
        return f"line {self.line:,} of {self.file}{of}: {self.why} ({self.value!r})"


@dataclass(frozen=True, kw_only=True)
class UnreadFile:
    """Where such rows of a part are kept, by object name, and how many there are, kept or not."""

    name: str
    rows: int


@dataclass(frozen=True, kw_only=True)
class _Kept:
    """What is stored of them: how many there are, and the first."""

    count: int
    rows: tuple[UnreadRow, ...]


_DOCUMENT = DocumentKind(
    what="list of rows that do not parse",
    numbered_by="format",
    sort_keys=False,
    next="restore the object from the bucket's versions, or delete it and clear the pull task",
)


class Unread:
    """Collects the rows of one part that do not parse."""

    def __init__(self) -> None:
        self.rows: list[UnreadRow] = []
        self.count = 0
        self.read = 0

    def add(self, row: UnreadRow) -> None:
        """Add a row."""
        self.count += 1
        if len(self.rows) < KEPT:
            self.rows.append(_short(row))

    @property
    def hopeless(self) -> bool:
        """Most rows up to here do not parse: the file is of another kind, rather than one with bad rows."""
        return self.count > _TELLING and self.count > self.read

    def put(self, store: Store, prefix: str) -> tuple[UnreadFile, ...]:
        """Keep them below `slices/{source}/{key}`; nothing when there are none."""
        if not self.count:
            return ()
        data = _DOCUMENT.encode(_Kept(count=self.count, rows=tuple(self.rows)))
        name = f"{prefix}/unread/{blake3(data).hexdigest()}.json"
        store.put(name, data)
        return (UnreadFile(name=name, rows=self.count),)


def unread_rows(store: Store, files: Sequence[UnreadFile], *, at_most: int) -> list[UnreadRow]:
    """The first of them. Raises `Corrupt`."""
    found: list[UnreadRow] = []
    for file in files:
        if len(found) < at_most:
            url = f"{store.url.rstrip('/')}/{file.name}"
            found += _DOCUMENT.read(_Kept, store.get(file.name), name=url).rows
    return found[:at_most]


def mark_of(files: Sequence[UnreadFile]) -> str:
    """What tells a revision with unread rows from one of the same rows without. "" when there are none."""
    return digest("unread", *(file.name for file in files)) if files else ""


def _short(row: UnreadRow) -> UnreadRow:
    return replace(row, value=row.value[:_LONGEST], why=row.why[:_LONGEST])
