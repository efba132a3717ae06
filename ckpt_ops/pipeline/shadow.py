"""How long a candidate is in shadow."""

from __future__ import annotations

from dataclasses import dataclass

from ckpt_ops import checks


@dataclass(frozen=True, kw_only=True)
class Shadow:
    """A candidate is evaluated on every row of the next `slices` slices, which neither model has trained on.

    Until then it is not promoted and nothing else is trained. The first version, which has no champion, and
    the result of a rebase are evaluated at once. A candidate keeps the number that it was opened with.
    """

    slices: int

    def __post_init__(self) -> None:
        checks.whole("shadow", self.slices, allowed="a whole number of slices, at least 1")
