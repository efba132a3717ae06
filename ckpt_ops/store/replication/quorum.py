"""How many of several stores must have a write before it counts, and what that lets a reader conclude.

Store 0 is the primary. A write counts when `writes` stores have it. Where two sets of that size can
be disjoint (one of two, one of three), the primary must be in it: otherwise a write that counted
could be on one side and a reader on the other.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from ckpt_ops.errors import BadInput

PRIMARY = 0


@dataclass(frozen=True, kw_only=True)
class Quorum:
    """`writes` of `stores`."""

    stores: int
    writes: int

    def __post_init__(self) -> None:
        if not 1 <= self.writes <= self.stores:
            raise BadInput(
                "CKPT_OPS_STORE_QUORUM", self.writes, f"a whole number from 1 to {self.stores}, the stores"
            )

    @classmethod
    def default(cls, stores: int) -> Quorum:
        """Two of three; of two, the primary.

        With two stores a majority would be both, and the loss of either would stop all training.
        """
        return cls(stores=stores, writes=stores // 2 + 1 if stores > 2 else 1)

    @property
    def needs_primary(self) -> bool:
        return 2 * self.writes <= self.stores

    def acknowledged(self, holders: Collection[int]) -> bool:
        """Whether a write that `holders` have counts."""
        return len(holders) >= self.writes and (PRIMARY in holders or not self.needs_primary)

    def sees_all(self, asked: Collection[int]) -> bool:
        """Whether every write that counted is on at least one of `asked`."""
        return len(asked) > self.stores - self.writes or (self.needs_primary and PRIMARY in asked)

    def __str__(self) -> str:
        return f"{self.writes} of {self.stores}" + (", the primary among them" * self.needs_primary)
