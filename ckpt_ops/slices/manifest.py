"""What `slice.json` says: the commit of a pulled slice."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

import pyarrow as pa

from ckpt_ops.documents import DocumentKind
from ckpt_ops.slices.again import pull_again
from ckpt_ops.slices.identity import check_key, check_revision
from ckpt_ops.slices.unread import UnreadFile

FORMAT = 2


@dataclass(frozen=True, kw_only=True)
class Column:
    """A column as it came. `type` is Arrow's own name for it, such as `timestamp[us, tz=UTC]`."""

    name: str
    type: str
    nullable: bool = True

    @classmethod
    def of_schema(cls, schema: pa.Schema) -> tuple[Column, ...]:
        """The columns of an Arrow schema, in order."""
        return tuple(cls(name=field.name, type=str(field.type), nullable=field.nullable) for field in schema)


@dataclass(frozen=True, kw_only=True)
class DataFile:
    """Some rows as Parquet: `blake3` is of its bytes (`size` of them), `content` of its rows in order.

    `name` is the object's, from the store's root.
    """

    name: str
    rows: int
    size: int
    blake3: str
    content: str


@dataclass(frozen=True, kw_only=True)
class Derived:
    """How a revision came from another one of its key, not from the source.

    Attributes:
        revision: the one it was made from.
        how: what was done.
        set_aside: rows of `revision` that it lacks.
    """

    revision: str
    how: str
    set_aside: int = 0


@dataclass(frozen=True, kw_only=True)
class SliceManifest:
    """A pulled slice. Written last and once: without it, the data files beside it do not count.

    Attributes:
        fingerprint: the source's, when it was read.
        pulled_at: ISO 8601, UTC, of the first pull of this content.
        derived: None when it is as it was pulled.
        unread: where rows that do not parse are kept, and how many there are: not counted in `rows`.
    """

    source: str
    key: str
    revision: str
    fingerprint: str
    pulled_at: str
    rows: int
    columns: tuple[Column, ...]
    files: tuple[DataFile, ...]
    derived: Derived | None = None
    unread: tuple[UnreadFile, ...] = ()

    @property
    def prefix(self) -> str:
        """The folder of this revision in the store, without a slash at its end."""
        return prefix_of(self.source, self.key, self.revision)

    def to_json(self) -> bytes:
        """UTF-8 with sorted keys."""
        return _DOCUMENT.encode(without_unread(self))

    @classmethod
    def from_json(cls, data: bytes, *, url: str) -> SliceManifest:
        """The inverse of `to_json`. Raises `Corrupt`, naming `url`."""
        return _DOCUMENT.read(cls, data, name=url)


def without_unread(value: Any) -> dict[str, Any]:
    """A dataclass as JSON has it, with `unread` only if there is any: without, it is as it always was."""
    fields = asdict(value)
    if not fields["unread"]:
        del fields["unread"]
    return fields


def _from_format_1(fields: dict[str, Any]) -> dict[str, Any]:
    """Format 1 kept data files in the revision's folder, and named them from there."""
    folder = prefix_of(fields["source"], fields["key"], fields["revision"])
    return {**fields, "files": [{**file, "name": f"{folder}/{file['name']}"} for file in fields["files"]]}


_DOCUMENT = DocumentKind(
    what="slice manifest",
    schema=FORMAT,
    numbered_by="format",
    upgrades={1: _from_format_1},
    next=f"restore the object from the bucket's versions; or delete it, then {pull_again()}",
)


def prefix_of(source: str, key: str, revision: str) -> str:
    """`slices/{source}/{key}/{revision}`, each part checked."""
    check_key(source, field="source name")
    return f"slices/{source}/{check_key(key)}/{check_revision(revision)}"
