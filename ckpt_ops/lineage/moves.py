"""What put versions into production, in order. Of a long history, only what is looked at is read."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Protocol, overload

from ckpt_ops.lineage.records import Promoted, RolledBack

Move = tuple[int, Promoted | RolledBack]
"""A record with its number in the log."""


class UnreadMove(Protocol):
    """A move that a snapshot holds."""

    rolls_back: bool
    """It is a rollback, and no promotion."""

    def read(self) -> Move:
        """It, read when it is first asked for."""
        ...


class Moves(Sequence[Move]):
    """Moves, some of them unread. Equal to any sequence of the same."""

    def __init__(self, items: Iterable[Move | UnreadMove] = ()) -> None:
        self.items: list[Move | UnreadMove] = list(items.items if isinstance(items, Moves) else items)

    @overload
    def __getitem__(self, at: int) -> Move: ...

    @overload
    def __getitem__(self, at: slice) -> Sequence[Move]: ...

    def __getitem__(self, at: int | slice) -> Move | Sequence[Move]:
        return Moves(self.items[at]) if isinstance(at, slice) else _read(self.items[at])

    def __len__(self) -> int:
        return len(self.items)

    def __iter__(self) -> Iterator[Move]:
        return map(_read, self.items)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Sequence) and len(self) == len(other) and list(self) == list(other)

    def __repr__(self) -> str:
        return f"Moves({list(self)!r})"


def rollbacks(moves: Sequence[Move]) -> Iterator[RolledBack]:
    """Those of the moves that are rollbacks; no other is read."""
    for item in moves.items if isinstance(moves, Moves) else moves:
        if isinstance(item, tuple) or item.rolls_back:
            _, record = _read(item)
            if isinstance(record, RolledBack):
                yield record


def _read(item: Move | UnreadMove) -> Move:
    return item if isinstance(item, tuple) else item.read()
