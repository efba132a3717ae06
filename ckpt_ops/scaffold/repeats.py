"""Which columns tell that rows came before under other dates: those without a time that tell rows apart."""

from __future__ import annotations

from collections.abc import Sequence

import pyarrow as pa

from ckpt_ops.scaffold.profile import Column, Looked

MOST_REPEATED = 0.01
_MOST_COLUMNS, _FEWEST_COLUMNS = 12, 2
_LEAST_COMPARED = 0.5


def timeless(columns: Sequence[Column], slices: Sequence[Looked]) -> tuple[list[str], float] | None:
    """Columns whose values together hardly ever come again in a later slice, and the worst share that did.

    Numbers that follow the time, such as a year, are left out with the times; rows with a null in one of the
    columns cannot be compared. None where such columns are too few, or repeat by themselves.
    """
    if len(slices) < 2:
        return None
    fit = [column for column in columns if _describes_rows(column)]
    chosen = sorted(fit, key=lambda column: -sum(column.distinct))[:_MOST_COLUMNS]
    names = [column.name for column in columns if column in chosen]
    if len(names) < _FEWEST_COLUMNS:
        return None
    worst = 0.0
    before = slices[0].table.select(names).drop_null().group_by(names).aggregate([])
    for looked in slices[1:]:
        rows = looked.table.select(names).drop_null()
        if rows.num_rows < _LEAST_COMPARED * looked.table.num_rows:
            return None
        again = rows.join(before, keys=names, join_type="left semi").num_rows
        worst = max(worst, again / max(rows.num_rows, 1))
        before = pa.concat_tables([before, rows]).group_by(names).aggregate([])
    return (names, worst) if worst <= MOST_REPEATED else None


def _describes_rows(column: Column) -> bool:
    types = pa.types
    comparable = (
        types.is_integer(column.type) or types.is_floating(column.type) or types.is_string(column.type)
    )
    nulls = max(column.null_shares, default=1.0)
    return bool(
        comparable and not column.varies_by_slice and max(column.distinct) > 1 and nulls < 1 - _LEAST_COMPARED
    )
