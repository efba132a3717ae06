"""The rows of each batch that one process draws, of all that train together."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy.typing as npt

from ckpt_ops.errors import BadInput
from ckpt_ops.training.cursor import BatchOrder


@dataclass(frozen=True, kw_only=True)
class Share:
    """Of each batch of `whole`, the rows of `here` replicas from `first` on, of `of` in all.

    Shares are even. Where a slice has fewer rows than a batch, its one batch is all of them: up to `of` - 1
    are left out of that epoch then, as rows that do not fill a batch always are.
    """

    whole: BatchOrder
    first: int
    here: int
    of: int

    def __post_init__(self) -> None:
        if self.whole.rows < self.of:
            raise BadInput(
                "distribution",
                f"{self.of} replicas",
                f"at most as many as there are rows to train on: {self.whole.rows}",
                next="set distribution=None, or wait for slices with more rows (update_when=Rows(...))",
            )

    @property
    def rows(self) -> int:
        return self.whole.rows

    @property
    def batch_size(self) -> int:
        """Of the share."""
        return max(1, min(self.whole.batch_size, self.whole.rows) // self.of) * self.here

    @property
    def steps_per_epoch(self) -> int:
        return self.whole.steps_per_epoch

    def indices(self, step: int) -> npt.NDArray[Any]:
        """Row numbers, shape (rows of this share,): every replica's rows lie together."""
        found = self.whole.indices(step)
        each = len(found) // self.of
        return found[self.first * each : (self.first + self.here) * each]

    def cursor(self, step: int) -> dict[str, int]:
        """Of the whole: where training stands does not depend on who draws."""
        return self.whole.cursor(step)
