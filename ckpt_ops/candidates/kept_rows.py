"""Which rows of a table `examples()` keeps. It does not tell, but it keeps the order.

What it makes of a row must not depend on the others (see `Pipeline.examples`). So it is called again with the
same rows and, between them, two rows s and t that are known to be kept and to come out differently:
`r0 s t r1 s t ...` gives `x s t` where a row is kept, as x, and `s t` where it is not, and the two can be
told apart even where x looks like s. The rows found are passed once more: all of them must be kept.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from ckpt_ops.errors import ModelCodeError
from ckpt_ops.lists import ListColumn, as_column, dense, is_cells
from ckpt_ops.outputs import each
from ckpt_ops.training import Examples

Numbers = npt.NDArray[np.int64]
MakeExamples = Callable[[pa.Table], Examples]
_PIECE = 16_384
"""Rows that are tested at a time, with twice as many between them."""


def kept_rows(examples: MakeExamples, table: pa.Table, made: Examples, *, named: str) -> Numbers:
    """The numbers of the rows of `table` that are in `made`, in order.

    Args:
        made: what `examples` makes of the whole table.
        named: what `examples` is called in an error.

    Raises:
        ModelCodeError: the rows kept of the parts do not add up: it looks at more than one row.
    """
    if made.rows in (0, table.num_rows):
        return np.arange(table.num_rows)[: made.rows]
    for find in (_by_a_missing_value, _between_two_that_differ):
        found = find(examples, table, made)
        if found is not None and len(found) == made.rows == examples(table.take(found)).rows:
            return found
    return _by_halves(examples, table, made.rows, named)


def _by_a_missing_value(examples: MakeExamples, table: pa.Table, made: Examples) -> Numbers | None:
    """Most `examples()` drop the rows that lack a value in one column."""
    for name in table.column_names:
        if table.num_rows - table[name].null_count == made.rows:
            found: Numbers = np.flatnonzero(pc.is_valid(table[name]).to_numpy()).astype(np.int64)
            return found
    return None


def _between_two_that_differ(examples: MakeExamples, table: pa.Table, made: Examples) -> Numbers | None:
    others = np.flatnonzero(~_like(made, 0))
    places = [_place(examples, table, rank) for rank in (0, *others[:1].tolist())]
    if len(places) < 2 or None in places:
        return None
    pair = table.take(pa.array(places, pa.int64()))
    parts = []
    for start in range(0, table.num_rows, _PIECE):
        piece = table.slice(start, _PIECE)
        found = _of_piece(examples, piece, pair)
        if found is None:
            return None
        parts.append(start + found)
    return np.concatenate(parts)


def _of_piece(examples: MakeExamples, piece: pa.Table, pair: pa.Table) -> Numbers | None:
    rows = piece.num_rows
    order = np.empty(2 + 3 * rows, np.int64)
    order[2::3] = np.arange(rows)
    order[0::3], order[1::3] = rows, rows + 1
    out = examples(pa.concat_tables([piece, pair]).take(pa.array(order)))
    if out.rows < 2:
        return None
    first = _like(out, 0).tolist()
    kept, at = [], 2
    for row in range(rows):
        if at + 2 > out.rows:
            return None
        is_kept = not first[at] or first[at + 1]
        if is_kept:
            kept.append(row)
        at += 3 if is_kept else 2
    return np.array(kept, np.int64) if at == out.rows else None


def _place(examples: MakeExamples, table: pa.Table, rank: int) -> int | None:
    """The number of the row that is kept as the `rank`-th, from 0."""
    low, high = 0, table.num_rows
    while high - low > 1:
        middle = (low + high) // 2
        before = examples(table.slice(low, middle - low)).rows
        if rank < before:
            high = middle
        else:
            low, rank = middle, rank - before
    return low if rank == 0 else None


def _like(made: Examples, row: int) -> npt.NDArray[np.bool_]:
    """Which rows came out like this one, in every column."""
    alike = np.ones(made.rows, np.bool_)
    optional = [column for column in (made.weights, made.groups) if column is not None]
    labels = (as_column(one) if is_cells(one) else one for one in each(made.labels).values())
    for column in (*made.inputs.values(), *labels, *made.segments.values(), *optional):
        if isinstance(column, ListColumn):
            alike &= column.lengths == column.lengths[row]
        flat = dense(column).reshape(made.rows, -1)
        if flat.dtype.kind in "OSU":
            wanted = flat[row].tolist()
            alike &= np.fromiter((one == wanted for one in flat.tolist()), np.bool_, made.rows)
        else:  # by their bytes: NaN is like NaN
            raw = np.ascontiguousarray(flat).view(np.uint8)
            alike &= (raw == raw[row]).all(axis=1)
    return alike


def _by_halves(examples: MakeExamples, table: pa.Table, kept: int, named: str) -> Numbers:
    """A part that is kept whole, or not at all, is settled; many calls, but no row has to differ."""
    rows = table.num_rows
    if kept in (0, rows):
        return np.arange(rows)[:kept]
    middle = rows // 2
    first, second = table.slice(0, middle), table.slice(middle)
    first_kept, second_kept = (examples(part).rows for part in (first, second))
    if rows == 1 or first_kept + second_kept != kept:
        raise ModelCodeError(
            f"{named} keeps {kept} of {rows} rows, but {first_kept + second_kept} when given in two parts",
            safe="nothing was written; the champion serves on",
            next="let examples() treat each row by itself, or set inputs= in the pipeline",
        )
    return np.concatenate(
        [
            _by_halves(examples, first, first_kept, named),
            middle + _by_halves(examples, second, second_kept, named),
        ]
    )
