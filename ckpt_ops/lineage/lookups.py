"""What is looked up in a state again and again: found once, and kept up where one state follows another."""

from __future__ import annotations

from bisect import bisect_right, insort
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from ckpt_ops.lineage.records import SliceRef

if TYPE_CHECKING:
    from ckpt_ops.lineage.state import VersionState


class Line:
    """A version and its ancestors, and what they consumed.

    Attributes:
        versions: their numbers.
        consumed: by slice key, the revision that was consumed last.
        consumers: by slice key, the first version that was trained on the slice.
        passed_over: see `LineageState.passed_over`.
        rows: of all that was consumed.
    """

    def __init__(self, ancestry: Iterable[VersionState] = ()) -> None:
        self.versions: set[int] = set()
        self.consumed: dict[str, SliceRef] = {}
        self.consumers: dict[str, int] = {}
        self.passed_over: dict[str, int] = {}
        self.rows = 0
        self._keys: list[str] | None = None
        for version in ancestry:
            self.go_on(version)

    def go_on(self, version: VersionState) -> None:
        """The line ends with `version` now, a child of the one that it ended with."""
        self.versions.add(version.version)
        for ref in version.slices:
            if self._keys is not None and ref.key not in self.consumed:
                insort(self._keys, ref.key)
            self.consumed[ref.key] = ref
            self.consumers.setdefault(ref.key, version.version)
            self.passed_over.pop(ref.key, None)
            self.rows += ref.rows
        for ref in version.without:
            if ref.key not in self.consumed:
                self.passed_over[ref.key] = version.version

    @property
    def keys(self) -> Sequence[str]:
        """The keys that were consumed, sorted."""
        if self._keys is None:
            self._keys = sorted(self.consumed)
        return self._keys

    def newer_than(self, key: str) -> int:
        """How many consumed slices are newer than `key`."""
        return len(self.keys) - bisect_right(self.keys, key)


class Keys:
    """Keys in order, with and without one more."""

    def __init__(self, keys: Iterable[str]) -> None:
        self._set = set(keys)
        self._sorted = sorted(self._set)

    def __contains__(self, key: str) -> bool:
        return key in self._set

    def up_to(self, last: str | None) -> Sequence[str]:
        """Those that are not after `last`; None: all."""
        return self._sorted if last is None else self._sorted[: bisect_right(self._sorted, last)]

    def put(self, key: str, there: bool) -> None:
        """The key is there from now on, or is not."""
        if there and key not in self._set:
            self._set.add(key)
            insort(self._sorted, key)
        elif not there and key in self._set:
            self._set.remove(key)
            del self._sorted[bisect_right(self._sorted, key) - 1]


class Children:
    """Versions by their parent.

    Attributes:
        newest: the greatest number; 0 without any.
    """

    def __init__(self, versions: Iterable[VersionState]) -> None:
        self.newest = 0
        self._of: dict[int | None, list[int]] = {}
        for version in versions:
            self.add(version)

    def add(self, version: VersionState) -> None:
        """A version that was opened."""
        self.newest = max(self.newest, version.version)
        self._of.setdefault(version.parent, []).append(version.version)

    def of(self, parent: int | None) -> Sequence[int]:
        """Their numbers, in the order in which they were opened."""
        return self._of.get(parent, ())
