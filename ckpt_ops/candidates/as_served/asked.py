"""Rows that a version is asked about, as whoever made it takes them: the arrays, or the rows themselves."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from ckpt_ops.training import Examples

Scores = npt.NDArray[np.float64]


@dataclass(frozen=True, kw_only=True, eq=False)
class Rows:
    """Some rows of slices, in order.

    Attributes:
        inputs: what today's `examples()` makes of them.
        tables: reads the rows that it was given, a part at a time, with those that it dropped. Nobody reads
            them but for a version of other code.
    """

    inputs: Mapping[str, npt.NDArray[Any]]
    tables: Callable[[], Iterator[pa.Table]]

    @classmethod
    def of(cls, examples: Examples, tables: Callable[[], Iterator[pa.Table]]) -> Rows:
        return cls(inputs=examples.inputs, tables=tables)

    @property
    def count(self) -> int:
        """How many rows predictions are wanted of."""
        return len(next(iter(self.inputs.values())))


Ask = Callable[[Sequence[Rows]], list[Scores]]
"""What a model says of each of several sets of rows, one number or k numbers a row."""
