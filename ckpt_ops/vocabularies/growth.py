"""Makes the vocabulary after a slice from the one before it and the slice's counts: a pure function.

The same slices in the same order give the same rows, in every process: nothing depends on the order of rows
within a slice, or on a hash of Python's.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from math import ceil

from ckpt_ops.vocabularies.settings import Vocabulary

Token = str | int


@dataclass(frozen=True, kw_only=True)
class Known:
    """A value that has a row.

    Attributes:
        row: its row in the embedding, after the buckets.
        seen: the number of the last slice that had it.
    """

    row: int
    seen: int


@dataclass(frozen=True, kw_only=True)
class Waiting:
    """A value without a row.

    Attributes:
        count: the number of rows in which it was seen.
        seen: the number of the last slice that had it.
    """

    count: int
    seen: int


@dataclass(frozen=True, kw_only=True)
class Grown:
    """The vocabulary of a column after some slices.

    Attributes:
        buckets: the number of shared rows; they come first.
        capacity: the number of rows for one value each; they follow.
        slices: the number of slices that it has grown from.
    """

    column: str
    buckets: int
    capacity: int
    slices: int = 0
    known: Mapping[Token, Known] = field(default_factory=dict)
    waiting: Mapping[Token, Waiting] = field(default_factory=dict)

    @property
    def rows(self) -> int:
        """The number of rows of the embedding."""
        return self.buckets + self.capacity

    @property
    def as_rows(self) -> tuple[int, int, dict[int, Token]]:
        """All that a model sees of it: shared rows, rows for one value each, and the value of each."""
        return self.buckets, self.capacity, self.by_row

    @property
    def by_row(self) -> dict[int, Token]:
        """The value of each row that has one."""
        return {known.row: token for token, known in self.known.items()}


def empty(settings: Vocabulary) -> Grown:
    """The vocabulary before the first slice."""
    return Grown(column=settings.column, buckets=settings.buckets, capacity=settings.capacity)


def advance(before: Grown, settings: Vocabulary, counts: Mapping[Token, int]) -> Grown:
    """The vocabulary after one more slice.

    First, values that were missing for too long lose their rows. Then free rows are given out, to the values
    that were seen most often first, and among equals by value. If the settings raise the capacity, it is
    raised; if they lower it, it stays.

    Args:
        counts: by value, in how many rows of the slice it is.
    """
    at = before.slices + 1
    known = {token: replace(one, seen=at) if token in counts else one for token, one in before.known.items()}
    waiting = dict(before.waiting)
    for token, count in counts.items():
        if token not in known:
            earlier = waiting[token].count if token in waiting else 0
            waiting[token] = Waiting(count=earlier + count, seen=at)
    if settings.expire_after is not None:
        known = {token: one for token, one in known.items() if at - one.seen < settings.expire_after}
        waiting = {token: one for token, one in waiting.items() if at - one.seen < settings.expire_after}
    due = [token for token, one in waiting.items() if one.count >= settings.min_count]
    due.sort(key=lambda token: (-waiting[token].count, str(token)))
    capacity = max(before.capacity, settings.capacity)
    while settings.grow > 1 and len(known) + len(due) > capacity:
        capacity = ceil(capacity * settings.grow)
    taken = {one.row for one in known.values()}
    free = (row for row in range(before.buckets, before.buckets + capacity) if row not in taken)
    for token, row in zip(due, free, strict=False):
        known[token] = Known(row=row, seen=waiting.pop(token).seen)
    return replace(before, capacity=capacity, slices=at, known=known, waiting=waiting)
