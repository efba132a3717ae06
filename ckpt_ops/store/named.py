"""Objects by name and hash: what is read under a name is what its writer wrote, or reading fails.

Whoever may write to a store may write anything under any name. A log names an object together with the blake3
of its bytes, so whoever reads it through the log notices.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import blake3

from ckpt_ops.errors import Corrupt
from ckpt_ops.store.base import Entry, Store


@dataclass(frozen=True, kw_only=True)
class Named:
    """An object of the store.

    Attributes:
        digest: blake3 of its bytes; "" if older code recorded it.
    """

    name: str
    digest: str = ""


@dataclass(frozen=True, kw_only=True)
class Written:
    """An object as it was written: what a log records of it.

    Attributes:
        size: bytes.
        digest: blake3 of them.
    """

    name: str
    size: int
    digest: str

    @property
    def named(self) -> Named:
        return Named(name=self.name, digest=self.digest)


def read_named(store: Store, named: Named) -> bytes:
    """The object's bytes.

    Raises:
        ObjectNotFound: it is gone.
        Corrupt: it has another hash than the one it is named with.
    """
    data = store.get(named.name)
    check_named(store, named, data)
    return data


def check_named(store: Store, named: Named, data: bytes) -> None:
    """Raises `Corrupt` when `data`, read as the object, has another hash than the one it is named with."""
    found = blake3.blake3(data).hexdigest() if named.digest else ""
    if found != named.digest:
        raise Corrupt(
            f"{store.url}/{named.name} is not what was written there: its blake3 is {found[:16]}..., "
            f"the log says {named.digest[:16]}...",
            safe="it was not used",
            next="restore that object from a replica, or from the bucket's versions",
        )


class Noting:
    """A store that passes everything on and notes what is written through it.

    Attributes:
        written: the objects that were put, in order; for a name that was put twice, the last.
    """

    def __init__(self, store: Store) -> None:
        self._store = store
        self._written: dict[str, Written] = {}

    @property
    def written(self) -> tuple[Written, ...]:
        return tuple(self._written.values())

    @property
    def url(self) -> str:
        return self._store.url

    def get(self, name: str) -> bytes:
        return self._store.get(name)

    def get_range(self, name: str, start: int, length: int) -> bytes:
        return self._store.get_range(name, start, length)

    def put(self, name: str, data: bytes | memoryview) -> None:
        self._store.put(name, data)
        digest = blake3.blake3(data).hexdigest()
        self._written[name] = Written(name=name, size=memoryview(data).nbytes, digest=digest)

    def put_if_absent(self, name: str, data: bytes) -> bool:
        return self._store.put_if_absent(name, data)

    def list(self, prefix: str, *, start: str = "") -> Iterator[Entry]:
        return self._store.list(prefix, start=start)

    def delete(self, name: str) -> None:
        self._store.delete(name)

    def delete_unchanged(self, entry: Entry) -> bool:
        return self._store.delete_unchanged(entry)
