"""The rows that a candidate is evaluated on: those held out of some slices, or of many a draw."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from ckpt_ops.candidates.scored_rows import RowNumbers, evaluated_rows
from ckpt_ops.lineage.records import SliceRef
from ckpt_ops.training import Collected, Examples

_BLOCK = 1 << 18


@dataclass(frozen=True, kw_only=True, eq=False)
class EvaluatedOn:
    """Held-out rows of slices, one slice after the other, as far as they are evaluated.

    Attributes:
        examples: those that are evaluated.
        counts: how many of them each slice has.
        by_slice: which these are among the held-out rows of each slice, ascending; None: all of them.
        numbers: which these are among all held-out rows; None: all of them.
        held_out: how many rows are held out of all slices.
    """

    examples: Examples
    counts: tuple[int, ...]
    by_slice: tuple[RowNumbers | None, ...]
    numbers: RowNumbers | None
    held_out: int


def evaluated_on(held_out: Examples, slices: Sequence[tuple[SliceRef, int]]) -> EvaluatedOn:
    """As `evaluated_rows` draws them.

    Args:
        held_out: every held-out row of the slices.
        slices: how many rows each has there, in that order.
    """
    starts = np.cumsum([0, *(rows for _, rows in slices)]).tolist()
    groups = held_out.groups
    chosen = evaluated_rows(
        [(ref.revision, rows) for ref, rows in slices],
        groups=[] if groups is None else [groups[a:b] for a, b in pairwise(starts)],
    )
    counts = [rows if some is None else len(some) for (_, rows), some in zip(slices, chosen, strict=True)]
    numbers = None
    if any(some is not None for some in chosen):
        numbers = np.concatenate(
            [
                start + (np.arange(rows) if some is None else some)
                for start, (_, rows), some in zip(starts, slices, chosen, strict=False)
            ]
        )
    return EvaluatedOn(
        examples=held_out if numbers is None else some_of(held_out, numbers),
        counts=tuple(counts),
        by_slice=tuple(chosen),
        numbers=numbers,
        held_out=held_out.rows,
    )


def some_of(examples: Examples, rows: RowNumbers) -> Examples:
    """A copy of some rows, a block at a time: where they are large they lie in files, as all of them do."""
    found = Collected(len(rows))
    for start in range(0, len(rows), _BLOCK):
        found.add(examples.take(rows[start : start + _BLOCK]))
    return found.examples()
