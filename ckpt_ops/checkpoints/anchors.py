"""Which versions keep the checkpoint that they ended with: the anchors from which a rebase may fork.

A deletion makes everything that came after it be learned again. What is learned again *besides*, because the
checkpoint right before it is gone, is what anchors bound: a pure choice over the head's ancestry. As it
grows, an anchor once let go is never wanted back.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from ckpt_ops import checks


class Anchors(Protocol):
    """Says which versions keep their checkpoint."""

    def kept(self, line: Sequence[int]) -> frozenset[int]:
        """Of the versions of the head's ancestry, oldest first, those that stay. The head always does."""
        ...


@dataclass(frozen=True, kw_only=True)
class EveryVersions:
    """Each `versions`-th, and the newest ones.

    A replay is at most `versions - 1` candidates longer than it has to be; the number of checkpoints grows
    with the history.

    Attributes:
        versions: 4 keeps the fourth, the eighth and so on.
        newest: so many of the newest stay, for a rollback; at least 1.
    """

    versions: int
    newest: int = 3

    def __post_init__(self) -> None:
        checks.whole("EveryVersions.versions", self.versions)
        checks.whole("EveryVersions.newest", self.newest)

    def kept(self, line: Sequence[int]) -> frozenset[int]:
        """Each `versions`-th of `line`, and its end."""
        return frozenset(line[self.versions - 1 :: self.versions]) | frozenset(line[-self.newest :])


@dataclass(frozen=True, kw_only=True)
class Doubling:
    """Ever sparser with age: what is twice as old is kept half as often.

    Where a change has to be followed by the replay of `n` candidates, that of at most `n * newest / (newest
    - 1)` follows: with 4, a third more. The number of checkpoints grows with the logarithm of the history:
    about `newest` for each doubling of it.

    Attributes:
        newest: all of so many of the newest stay; at least 2.
    """

    newest: int = 4

    def __post_init__(self) -> None:
        checks.whole("Doubling.newest", self.newest, at_least=2)

    def kept(self, line: Sequence[int]) -> frozenset[int]:
        """Of those of age `a`, counted from the head, each `2**k`-th, where `2**k` is about `a / newest`."""
        last = len(line)
        return frozenset(
            version
            for place, version in enumerate(line, start=1)
            if place % _spacing(last - place, self.newest) == 0
        )


def _spacing(age: int, newest: int) -> int:
    """The largest power of two of at most `age / newest`, at least 1."""
    return 1 << max(0, (age // newest).bit_length() - 1)
