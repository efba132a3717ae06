"""Which rows a step trains on: a pure function of the step.

Shuffle buffers and dataset iterators have state that must be saved and replayed; this has none. Each
epoch is a permutation drawn from (seed, epoch), a step is a window in it, so resuming at step `n`
costs nothing and gives exactly the batches that an undisturbed run would have drawn.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from ckpt_ops import checks
from ckpt_ops.training.keyed_permutation import KeyedPermutation


class Order(Protocol):
    """Which rows steps draw, as `batches` asks."""

    @property
    def batch_size(self) -> int:
        """At most so many a step."""
        ...

    def indices(self, step: int) -> npt.NDArray[Any]:
        """Row numbers of the batch that step `step` (from 0) trains on; shape (batch,)."""
        ...


@dataclass(frozen=True, kw_only=True)
class BatchOrder:
    """The order of `rows` rows in batches of `batch_size`.

    The rows that do not fill the last batch of an epoch are left out of that epoch; another
    permutation leaves out others. With fewer rows than `batch_size`, a batch is all of them.

    Attributes:
        keyed: permutations are computed row by row, so that memory does not grow with `rows`.
    """

    rows: int
    batch_size: int
    seed: int
    keyed: bool = False

    def __post_init__(self) -> None:
        checks.whole("rows to train on", self.rows, allowed="at least 1")
        checks.whole("batch_size", self.batch_size)

    @property
    def steps_per_epoch(self) -> int:
        return max(1, self.rows // self.batch_size)

    def indices(self, step: int) -> npt.NDArray[Any]:
        """Row numbers of the batch that step `step` (from 0) trains on; shape (batch,)."""
        epoch, position = divmod(step, self.steps_per_epoch)
        start = position * self.batch_size
        permutation = _keyed if self.keyed else _permutation
        return permutation(self.rows, self.seed, epoch)[start : start + self.batch_size]

    def cursor(self, step: int) -> dict[str, int]:
        """Where training stands after `step` steps, as a manifest records it."""
        epoch, position = divmod(step, self.steps_per_epoch)
        return {
            "seed": self.seed,
            "rows": self.rows,
            "batch_size": self.batch_size,
            "epoch": epoch,
            "offset": position * self.batch_size,
        }


@lru_cache(maxsize=2)
def _keyed(rows: int, seed: int, epoch: int) -> KeyedPermutation:
    return KeyedPermutation(rows, (seed, epoch))


@lru_cache(maxsize=1)  # it is large: of two epochs, only the one that is being drawn
def _permutation(rows: int, seed: int, epoch: int) -> npt.NDArray[Any]:
    # shuffling draws the same numbers whatever their width
    order = np.arange(rows, dtype=np.uint32 if rows <= 2**32 else np.int64)
    np.random.Generator(np.random.PCG64([seed, epoch])).shuffle(order)
    order.setflags(write=False)  # batches are windows in it
    return order
