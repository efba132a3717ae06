"""Numbered create-only entries: the one primitive under both logs.

Entry `n` is the object `{prefix}/{n padded}.json`. Appending is `put_if_absent` of the next number,
so the order of the log is decided by the store and by nothing else.
"""

from __future__ import annotations

from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor

from ckpt_ops.errors import Corrupt, ObjectNotFound
from ckpt_ops.store import LocalStore, Store

_SIDE_BY_SIDE = 8


class NumberedEntries:
    """Entries below `prefix`, numbered from 1 without a gap.

    Entries are immutable, so those read or written once stay in memory: only their names are listed again.
    """

    def __init__(self, store: Store, prefix: str, *, digits: int) -> None:
        self.store, self.prefix, self.digits = store, prefix, digits
        self._known: dict[int, bytes] = {}

    def name(self, number: int) -> str:
        return f"{self.prefix}/{number:0{self.digits}d}.json"

    def read(self, *, first: int = 1) -> list[bytes]:
        """The entries from number `first` on, in order.

        Costs a listing of their names, and a request for each that is not known yet.

        Raises:
            Corrupt: one of them is missing while later ones exist.
        """
        start = self.name(first) if first > 1 else ""
        names = [entry.name for entry in self.store.list(f"{self.prefix}/", start=start)]
        expected = [self.name(number) for number in range(first, first + len(names))]
        if names != expected:
            gap = min(set(expected) - set(names))
            raise Corrupt(
                f"{self.store.url}/{gap} is missing while later entries exist",
                safe="the other entries were not touched",
                next="restore that object (a soft-deleted version or a replica); never renumber a log",
            )
        self._fetch(range(first, first + len(names)))
        end = first + len(names)
        # while one of several stores is away, a listing may end earlier than it did before
        while end in self._known:
            end += 1
        return [self._known[number] for number in range(first, end)]

    def read_between(self, first: int, last: int) -> list[bytes]:
        """The entries `first` to `last`, which are known to exist, in order; nothing is listed.

        Raises:
            ObjectNotFound: one of them does not exist.
        """
        numbers = range(first, last + 1)
        self._fetch(numbers)
        return [self._known[number] for number in numbers]

    def known(self, number: int) -> bytes | None:
        """The entry, if it was read or written before."""
        return self._known.get(number)

    def get(self, number: int) -> bytes | None:
        try:
            return self.store.get(self.name(number))
        except ObjectNotFound:
            return None

    def append(self, number: int, data: bytes) -> bool:
        """Create entry `number`. False: another writer was first."""
        created = self.store.put_if_absent(self.name(number), data)
        if created:
            self._known[number] = data
        return created

    def _fetch(self, numbers: Iterable[int]) -> None:
        new = [number for number in numbers if number not in self._known]
        if len(new) == 1 or isinstance(self.store, LocalStore):
            # whoever reads many short logs would start threads for each, and a disk has no way to travel
            self._known.update((number, self.store.get(self.name(number))) for number in new)
        elif new:
            with ThreadPoolExecutor(_SIDE_BY_SIDE) as pool:
                self._known.update(zip(new, pool.map(self.store.get, map(self.name, new)), strict=True))
