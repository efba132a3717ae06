"""A kind of stored document: how its bytes are written, which schemas are read, how errors name it."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, TypeVar

from ckpt_ops.documents.parsing import BadDocument, parse
from ckpt_ops.documents.typed import read_as
from ckpt_ops.errors import Corrupt
from ckpt_ops.wire_names import as_stored

T = TypeVar("T")
Fields = dict[str, Any]
_UNTOUCHED = "nothing was changed"
_RESTORE = "restore that object from a replica, or from the bucket's versions"


@contextmanager
def reading(name: str, what: str, *, safe: str = _UNTOUCHED, next: str = _RESTORE) -> Iterator[None]:
    """While the block reads `name`, which has to be a `what`, turn a `BadDocument` into a `Corrupt`."""
    try:
        yield
    except BadDocument as error:
        raise Corrupt(f"{name} is not a valid {what}: {error}", safe=safe, next=next) from error


@dataclass(frozen=True, kw_only=True)
class DocumentKind:
    """A kind of document. What a schema number stands for never changes: a change takes the next one.

    Attributes:
        what: its name in an error, such as "slice manifest".
        schema: the number that is written now.
        numbered_by: the field that holds the number.
        implicit: schema 1 has no number: such documents were written before there was one.
        upgrades: from a schema to the next, on plain values. One for each that is older than today's.
            It may rely on nothing: a document that makes it fail is a bad one.
        indent, sort_keys, newline: how the bytes look, which digests and golden files hold.
        safe, next: of the `Corrupt` that a bad one raises.
    """

    what: str
    schema: int = 1
    numbered_by: str = "schema"
    implicit: bool = False
    upgrades: Mapping[int, Callable[[Fields], Fields]] = field(default_factory=dict)
    indent: int | None = 1
    sort_keys: bool = True
    newline: bool = False
    safe: str = _UNTOUCHED
    next: str = _RESTORE

    def numbered(self, values: Mapping[str, Any]) -> Fields:
        """The values, after the schema's number."""
        return (
            dict(values) if self.implicit and self.schema == 1 else {self.numbered_by: self.schema, **values}
        )

    def encode(self, values: Any) -> bytes:
        """A dataclass, or a mapping of plain values, as UTF-8: the same values have the same bytes."""
        fields = values if isinstance(values, Mapping) else as_stored(values)
        text = json.dumps(self.numbered(fields), indent=self.indent, sort_keys=self.sort_keys)
        return f"{text}\n".encode() if self.newline else text.encode()

    def decode(self, data: bytes, *, name: str) -> Fields:
        """The fields in `data` as today's schema has them, without its number. Raises `Corrupt`."""
        with self.reading(name):
            return self.upgraded(parse(data), name=name)

    def read(self, kind: type[T], data: bytes, *, name: str) -> T:
        """As `decode`, each field checked: a `kind`, which is a dataclass. Raises `Corrupt`."""
        with self.reading(name):
            return read_as(kind, self.upgraded(parse(data), name=name))

    def reading(self, name: str) -> Any:
        """While the block reads the object `name` as one of these, turn a `BadDocument` into a `Corrupt`."""
        return reading(name, self.what, safe=self.safe, next=self.next)

    def upgraded(self, fields: Mapping[str, Any], *, name: str) -> Fields:
        """As `decode`, from parsed fields.

        Raises:
            BadDocument: it has no number, or one that never existed.
            Corrupt: a newer ckpt_ops wrote it.
        """
        values = dict(fields)
        if type(number := values.get(self.numbered_by)) is int and number == self.schema:
            del values[self.numbered_by]  # as nearly all are, and a log has very many
            return values
        found = read_as(int, values.pop(self.numbered_by, 1 if self.implicit else None), at=self.numbered_by)
        if found > self.schema:
            raise self.newer(name, f"it has {self.numbered_by} {found}")
        if found < 1:
            raise BadDocument(f"{self.numbered_by} is {found}, which no ckpt_ops wrote")
        for number in range(found, self.schema):
            try:
                values = self.upgrades[number](values)
            except (ValueError, TypeError, LookupError, AttributeError) as error:
                raise BadDocument(f"it does not fit {self.numbered_by} {number}: {error!r}") from error
        return values

    def newer(self, name: str, why: str) -> Corrupt:
        """The error for a document of a later version of this code: it is refused, not guessed at."""
        return Corrupt(
            f"{name} was written by a newer ckpt_ops: {why}; this ckpt_ops reads up to {self.schema}",
            safe=_UNTOUCHED,
            next="install the ckpt_ops version that wrote it, or a later one",
        )
