"""Numbered create-only entries: the one primitive under both logs.

Entry `n` is the object `{prefix}/{n padded}.json`. Appending is `put_if_absent` of the next number,
so the order of the log is decided by the store and by nothing else.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

from ckpt_ops.errors import Corrupt, ObjectNotFound
from ckpt_ops.store import Store


class NumberedEntries:
    """Entries below `prefix`, numbered from 1 without a gap.

    Entries are immutable, so those read once are kept in memory; `read` asks only for newer ones.
    """

    def __init__(self, store: Store, prefix: str, *, digits: int) -> None:
        self.store, self.prefix, self.digits = store, prefix, digits
        self._entries: list[bytes] = []

    def name(self, number: int) -> str:
        return f"{self.prefix}/{number:0{self.digits}d}.json"

    def read(self) -> list[bytes]:
        """All entries, first to last. Raises `Corrupt` when one is missing between others."""
        known = len(self._entries)
        names = [entry.name for entry in self.store.list(f"{self.prefix}/")]
        expected = [self.name(number) for number in range(1, len(names) + 1)]
        if names != expected:
            gap = next(name for name in expected if name not in names)
            raise Corrupt(
                f"{self.store.url}/{gap} is missing while later entries exist",
                safe="the other entries were not touched",
                next="restore that object (a soft-deleted version or a replica); never renumber a log",
            )
        if len(names) > known:
            with ThreadPoolExecutor(8) as pool:
                self._entries += list(pool.map(self.store.get, names[known:]))
        return list(self._entries)

    def get(self, number: int) -> bytes | None:
        try:
            return self.store.get(self.name(number))
        except ObjectNotFound:
            return None

    def append(self, number: int, data: bytes) -> bool:
        """Create entry `number`. False: another writer has it."""
        return self.store.put_if_absent(self.name(number), data)
