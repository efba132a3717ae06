"""The contract of a store: what each verb promises, whichever store answers.

Everything above is built from these verbs alone. Two kinds of names exist, and no third:

* *write-once* names: content-addressed chunks, and names that carry an id nobody else writes.
  They are written with `put`, which may be repeated with the same bytes.
* *contested* names: the numbered entries of a log. They are written with `put_if_absent`, of which
  exactly one of many racers wins. There is no overwrite, no lock and no rename, because an object
  store offers none that survives a writer's death.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

from ckpt_ops.errors import BadInput


@dataclass(frozen=True, kw_only=True)
class Entry:
    """One object in a listing.

    Attributes:
        name: the object's name, relative to the store's root.
        size: bytes.
        fingerprint: changes whenever the content is rewritten (GCS: generation and crc32c).
        updated: when that was, in seconds since the epoch by the store's clock.
    """

    name: str
    size: int
    fingerprint: str
    updated: float


@runtime_checkable
class Store(Protocol):
    """Objects of bytes under names. Safe to use from several threads.

    Errors of every verb: `BucketNotFound`, `StoreForbidden` (for good); `StoreUnavailable` (for now).
    """

    @property
    def url(self) -> str:
        """Where the store is, as `open_store` takes it."""
        ...

    def get(self, name: str) -> bytes:
        """The whole object; never a mix of two writes. Raises `ObjectNotFound`."""
        ...

    def get_range(self, name: str, start: int, length: int) -> bytes:
        """Bytes `start` to `start + length` of the object, fewer if it ends before. Raises `ObjectNotFound`.

        `start` is at least 0, `length` at least 1.
        """
        ...

    def put(self, name: str, data: bytes | memoryview) -> None:
        """Write a write-once name. No reader ever sees a part of it. May be repeated."""
        ...

    def put_if_absent(self, name: str, data: bytes) -> bool:
        """Create a contested name. True: this call created it. False: it was there before.

        Of any number of racers exactly one gets True. A lost reply is settled by reading back;
        if that cannot be done, `CommitStateUnknown`: read the name before you write again.
        """
        ...

    def list(self, prefix: str, *, start: str = "") -> Iterator[Entry]:
        """All objects whose names begin with `prefix` and are not before `start`, in name order.

        `start` is a whole name, whether an object has it or not. Names before it cost no request: that is
        how the end of a long log is read.
        """
        ...

    def delete(self, name: str) -> None:
        """Remove the object; no error when it is not there."""
        ...

    def delete_unchanged(self, entry: Entry) -> bool:
        """Remove the object unless it was rewritten since it was listed as `entry`.

        True: this call removed it.
        False: it was rewritten and is kept, or somebody else removed it. Nothing written later is
        ever lost, so garbage can be collected while writers run.
        """
        ...


def check_name(name: str) -> str:
    """Refuse object names that could leave the root or that no listing would show."""
    parts = name.split("/")
    if not name or name.startswith("/") or any(part in ("", ".", "..") for part in parts):
        raise BadInput("object name", name, "segments joined by '/', none of them empty, '.' or '..'")
    if any(ord(character) < 32 for character in name) or len(name.encode()) > 1024:
        raise BadInput("object name", name, "at most 1024 bytes and no control characters")
    return name


def check_prefix(prefix: str) -> str:
    """Refuse prefixes of a listing that could leave the root."""
    if prefix.startswith("/") or any(part in (".", "..") for part in prefix.split("/")[:-1]):
        raise BadInput("prefix", prefix, "the beginning of an object name, relative to the store's root")
    return prefix


def check_range(start: int, length: int) -> None:
    """Refuse ranges that no byte can be in."""
    if start < 0 or length < 1:
        raise BadInput("range", (start, length), "a start of at least 0 and a length of at least 1")
