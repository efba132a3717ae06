"""A slice evaluated in parts, each by itself, to the verdict of one pass over the whole.

What one row-wise expectation finds in some rows is a tally (`merging`), and tallies add up exactly. Two
things about the slice as a whole have to be known before any part is evaluated, as they shape how its values
are seen: which columns have nulls, and which do not fit their declared type. Everything else that a suite
asks is evaluated over the whole where the verdict is made (`run.validate`).
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field

import pyarrow as pa

from ckpt_ops.column_times import Columns, asked_of
from ckpt_ops.validation.asked import Asked, asked_for
from ckpt_ops.validation.bad_rows import Failing, RowNumbers
from ckpt_ops.validation.engine import Engine
from ckpt_ops.validation.execution_mode import ExecutionMode, execution_mode_of
from ckpt_ops.validation.merging import Tally
from ckpt_ops.validation.passes import CHUNK_ROWS, Passes, nulls_decide
from ckpt_ops.validation.rows import SliceRows
from ckpt_ops.validation.schema import misfits_of
from ckpt_ops.validation.suite import Expectation, Suite


@dataclass(frozen=True, kw_only=True)
class Beforehand:
    """What has to be known of the whole slice before a part of it is evaluated.

    Attributes:
        misfits: by column whose values decide, the first value that is not of the declared type, as text.
        nullable: columns with a null in some row, of those where that changes how values are seen.
    """

    misfits: Mapping[str, str] = field(default_factory=dict)
    nullable: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True, eq=False)
class PartFound:
    """What was found in a part of a slice.

    Attributes:
        rows: how many it has.
        tallies: of each row-wise expectation.
        bad: numbers, from 0 in the part, of all rows that fail an expectation that sets them aside.
        failing: by that expectation's place in the suite, which; empty where they are more than may be.
    """

    rows: int
    tallies: tuple[Tally, ...]
    bad: RowNumbers
    failing: Mapping[int, RowNumbers] = field(default_factory=dict)


def look_beforehand(
    rows: SliceRows,
    suite: Suite,
    declared: pa.Schema,
    *,
    columns: Columns,
    nulls: Callable[[Sequence[str]], Collection[str]],
) -> Beforehand:
    """What parts of the slice have to know of it.

    Reads only columns whose values decide whether they fit: most slices have none.

    Args:
        nulls: which of some columns have a null.

    Raises:
        BadInput: as `validate`.
    """
    misfits = misfit_texts(rows, asked_of(declared, columns))
    asked = asked_for(rows.schema, suite, declared, columns, misfits)
    found = nulls(nulls_decide(by_rows(asked).values(), asked.schema))
    return Beforehand(misfits=misfits, nullable=tuple(sorted(found)))


def misfit_texts(rows: SliceRows, declared: pa.Schema) -> dict[str, str]:
    """`misfits_of` as text."""
    return {name: str(value) for name, value in misfits_of(rows, declared).items()}


def by_rows(asked: Asked) -> dict[int, Expectation]:
    """The expectations that can be evaluated in parts, by their place in the suite."""
    return {
        at: each
        for at, each in asked.expectations.items()
        if execution_mode_of(each.type) is ExecutionMode.ROWS
    }


def evaluate_part(
    rows: SliceRows,
    suite: Suite,
    declared: pa.Schema,
    *,
    columns: Columns,
    beforehand: Beforehand,
    bad_at_most: float,
    chunk_rows: int = CHUNK_ROWS,
) -> PartFound:
    """What the row-wise expectations find in `rows`, a part of a slice. Memory is bounded by a chunk.

    Args:
        bad_at_most: rows that may be set aside, of the whole slice.

    Raises:
        BadInput: as `validate`.
    """
    asked = asked_for(rows.schema, suite, declared, columns, beforehand.misfits)
    expectations = by_rows(asked)
    failing = Failing(rows.rows, bad_at_most)
    tallies: list[Tally] = []
    if expectations:
        tallies = Passes(
            rows=rows,
            expectations=expectations,
            schema=asked.schema,
            engine=Engine(suite, expectations, asked.schema),
            failing=failing,
            chunk_rows=chunk_rows,
            nullable=frozenset(beforehand.nullable),
        ).tallies()
    return PartFound(
        rows=rows.rows,
        tallies=tuple(sorted(tallies, key=lambda tally: tally.at)),
        bad=failing.numbers,
        failing=failing.by_place,
    )
