"""Rows that a version is asked about, in the form that its code takes: the arrays, or the rows themselves."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from ckpt_ops.candidates.scored_rows import RowNumbers, picked
from ckpt_ops.errors import ModelCodeError
from ckpt_ops.former_columns import FormerNames
from ckpt_ops.pipeline.pipeline import Pipeline
from ckpt_ops.pipeline.user_code import make_examples, takes_vocabularies
from ckpt_ops.training import Collected, Examples

Scores = npt.NDArray[np.float64]
Tables = Callable[[], Iterator[tuple[str, pa.Table]]]


@dataclass(frozen=True, kw_only=True, eq=False)
class Rows:
    """Some rows of slices, in order.

    Attributes:
        inputs: what today's `examples()` makes of those that are asked about.
        tables: reads the rows that `examples()` was given, a part at a time, with those that it dropped, and
            the key of their slice. Read only for a version of different code.
        positions: by output with labels for each position, how many positions each row has.
        chosen: the numbers of those that are asked about, ascending, among the rows that today's `examples()`
            keeps; None: all of them.
        all_kept: how many rows it keeps; None: those that are asked about.
    """

    inputs: Mapping[str, Any]
    tables: Tables
    positions: Mapping[str, npt.NDArray[np.int64]] = field(default_factory=dict)
    chosen: RowNumbers | None = None
    all_kept: int | None = None

    @classmethod
    def of(cls, examples: Examples, tables: Tables, chosen: RowNumbers | None = None) -> Rows:
        """Those of `examples`, or the `chosen` ones."""
        positions = examples.positions
        return cls(
            inputs={name: picked(column, chosen) for name, column in examples.inputs.items()},
            tables=tables,
            all_kept=examples.rows,
            positions=positions if chosen is None else {name: of[chosen] for name, of in positions.items()},
            chosen=chosen,
        )

    @classmethod
    def drawn(cls, examples: Examples, tables: Tables, chosen: RowNumbers | None, *, kept: int) -> Rows:
        """Rows that were `chosen` among `kept` before, and are all of `examples`."""
        return cls(
            inputs=examples.inputs, tables=tables, positions=examples.positions, chosen=chosen, all_kept=kept
        )

    @property
    def kept(self) -> int:
        """How many rows today's `examples()` keeps of the tables."""
        return self.count if self.all_kept is None else self.all_kept

    def asked_of(self, start: int, rows: int) -> RowNumbers | slice:
        """Of so many rows that are kept, the first of them number `start`, those that are asked about."""
        if self.chosen is None:
            return slice(None)
        first, last = np.searchsorted(self.chosen, (start, start + rows))
        return self.chosen[first:last] - start

    @property
    def count(self) -> int:
        """How many rows need predictions."""
        return len(next(iter(self.inputs.values())))


@dataclass(frozen=True, kw_only=True, eq=False)
class Answers:
    """What a version predicts.

    Attributes:
        scores: on each set of rows, shape (rows,) or (rows, k); of several outputs by name.
        former: columns that its own code was given under a former name, too.
    """

    scores: list[Scores]
    former: FormerNames = field(default_factory=dict)


Ask = Callable[[Sequence[Rows]], Answers]
"""What a model predicts on each of several sets of rows."""


def inputs_for(pipeline: Pipeline, rows: Rows) -> Mapping[str, Any]:
    """The rows as a version of the same code takes them, whose pipeline this is.

    They are made again if `examples()` takes vocabularies: a version has its own. Raises `ModelCodeError`:
    what it keeps depends on them.
    """
    if not takes_vocabularies(pipeline):
        return rows.inputs
    collected, kept = Collected(rows.count), 0
    for key, table in rows.tables():
        if table.num_rows:
            part = make_examples(pipeline, table, of=key)
            collected.add(part.take(rows.asked_of(kept, part.rows)))
            kept += part.rows
    if kept != rows.kept:
        raise ModelCodeError(
            f"{pipeline.examples} keeps {kept:,} rows with the vocabularies of one version, and "
            f"{rows.kept:,} with those of another",
            safe="nothing was trained; the champion serves on",
            next="let what examples() keeps depend on the rows alone",
        )
    return collected.examples().inputs
