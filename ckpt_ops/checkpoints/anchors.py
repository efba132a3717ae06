"""Which versions keep the checkpoint that they ended with: the anchors from which a rebase may fork.

After a deletion, everything that came after it is retrained. Anchors bound what is retrained *besides*,
because the checkpoint right before the deletion is gone: a pure choice over the head's ancestry. As that
grows, a pruned anchor is never needed again.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from ckpt_ops import checks


class Anchors(Protocol):
    """Says which versions keep their checkpoint."""

    def kept(self, line: Sequence[int]) -> frozenset[int]:
        """The versions that stay, from the head's ancestry, oldest first. The head always stays."""
        ...


@dataclass(frozen=True, kw_only=True)
class EveryVersions:
    """Each `versions`-th, and the newest ones.

    A replay is at most `versions - 1` candidates longer than it has to be; the number of checkpoints grows
    with the history.

    Attributes:
        versions: 4 keeps the fourth, the eighth and so on.
        newest: how many of the newest stay, for a rollback; at least 1.
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

    Where a change requires the replay of `n` candidates, at most `n * newest / (newest - 1)` are replayed:
    with 4, a third more. The number of checkpoints grows with the logarithm of the history: about `newest`
    for each doubling of it.

    Attributes:
        newest: how many of the newest all stay; at least 2.
    """

    newest: int = 4

    def __post_init__(self) -> None:
        checks.whole("Doubling.newest", self.newest, at_least=2)

    def kept(self, line: Sequence[int]) -> frozenset[int]:
        """At age `a`, counted from the head, each `2**k`-th version, where `2**k` is about `a / newest`."""
        last = len(line)
        return frozenset(
            version
            for place, version in enumerate(line, start=1)
            if place % _spacing(last - place, self.newest) == 0
        )


def _spacing(age: int, newest: int) -> int:
    """The largest power of two of at most `age / newest`, at least 1."""
    return 1 << max(0, (age // newest).bit_length() - 1)
