"""What kind of thing a label is: told from its values, and refused where no model could learn it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from ckpt_ops.errors import BadInput
from ckpt_ops.scaffold.named_columns import check_column

MOST_CLASSES = 200
FEWEST_ROWS = 100
_MOST_CODES = 20
_MOST_GRADES = 11
_FEWEST_OF_IDENTIFIER = 50
_GRADES = ("relevance", "grade", "gain")
_QUERIES = ("query", "query_id", "qid", "search", "search_id", "session", "session_id")


class Task(StrEnum):
    """What a model predicts."""

    BINARY = "binary"
    CLASSES = "classes"
    NUMBER = "number"
    RANKING = "ranking"


@dataclass(frozen=True, kw_only=True)
class Target:
    """A label that a model can learn.

    Attributes:
        classes: of two, the second is the one whose probability is predicted; () for numbers and rankings.
        why: how the task is known, in a few words.
        group: of a ranking, the column whose value the rows of one query share; else "".
        rows: that have a label, of all that were looked at.
    """

    column: str
    task: Task
    classes: tuple[Any, ...] = ()
    why: str
    group: str = ""
    rows: int


def target_of(
    table: pa.Table, column: str, *, task: Task | None = None, group: str = "", first_rows: int | None = None
) -> Target:
    """What the label is.

    Args:
        table: the rows of all slices that were looked at.
        task: as a person said; None: told from the values.
        group: as a person said: rows that share its value are ranked among each other.
        first_rows: how many rows with a label the first slice has, if that is known.

    Raises:
        BadInput: it is no column, has no value or one only, tells rows apart, cannot be predicted as `task`,
            or too few rows have one.
    """
    check_column(column, table.column_names, field="--label")
    values = table[column]
    if pa.types.is_floating(values.type):
        values = pc.if_else(pc.is_finite(values), values, pa.scalar(None, values.type))
    there = values.drop_null()
    if not len(there):
        raise _refused(column, "a column with values: all that were looked at are null")
    if pa.types.is_nested(there.type) or not _has_kind(there.type):
        raise _refused(column, f"numbers, booleans or text, not {there.type}")
    distinct = pc.unique(there).to_pylist()
    if len(distinct) == 1:
        raise _refused(column, f"at least two values: all {len(there):,} rows have {distinct[0]!r}")
    known = len(there) if first_rows is None else first_rows
    if known < FEWEST_ROWS:
        raise BadInput(
            "--label",
            column,
            f"at least {FEWEST_ROWS} rows with a label in the first slice, of which a fifth is held out; it "
            f"has {known}",
            next="land longer periods as one slice each, such as weeks instead of days",
        )
    if task is Task.RANKING or group:
        return _ranking(table, column, there, distinct, group, task)
    return _told(table, column, there, distinct, task)


def _told(
    table: pa.Table, column: str, there: pa.ChunkedArray, distinct: Sequence[Any], task: Task | None
) -> Target:
    ordered, number = sorted(distinct), _is_number(there.type)
    found = task or _task_of(table, column, there, ordered)
    if found is Task.RANKING:
        group = next(name for name in table.column_names if name.lower() in _QUERIES)
        return _ranking(table, column, there, distinct, group, None)
    why = f"as --task says; {len(ordered)} values" if task else _why(found, there.type, ordered)
    if found is Task.NUMBER:
        if not number:
            raise BadInput("--task", str(found), f"a label of numbers for --task number, not {there.type}")
        return Target(column=column, task=found, why=why, rows=len(there))
    if pa.types.is_decimal(there.type):
        raise BadInput("--task", str(found), "--task number: decimals are no classes")
    if found is Task.BINARY and len(ordered) != 2:
        raise BadInput(
            "--task", str(found), f"a label with two values for --task binary; it has {len(ordered)}"
        )
    if not number and len(ordered) > _FEWEST_OF_IDENTIFIER and len(ordered) > len(there) / 2:
        raise _refused(
            column,
            f"a label that rows share: {len(ordered):,} of {len(there):,} rows have a text of their own, so "
            "it tells rows apart",
        )
    if len(ordered) > MOST_CLASSES:
        raise _refused(column, f"at most {MOST_CLASSES} classes; it has {len(ordered):,} values")
    return Target(column=column, task=found, classes=_classes(there, ordered), why=why, rows=len(there))


def _task_of(table: pa.Table, column: str, there: pa.ChunkedArray, ordered: Sequence[Any]) -> Task:
    if pa.types.is_decimal(there.type):
        return Task.NUMBER
    if len(ordered) == 2:
        return Task.BINARY
    if not _is_number(there.type):
        return Task.CLASSES
    if not pa.types.is_integer(there.type):
        return Task.NUMBER
    grades = column.lower() in _GRADES and len(ordered) <= _MOST_GRADES and ordered[0] >= 0
    if grades and any(name.lower() in _QUERIES for name in table.column_names):
        return Task.RANKING
    return Task.CLASSES if _are_codes(ordered) else Task.NUMBER


def _are_codes(ordered: Sequence[Any]) -> bool:
    """Whole numbers from 0 without a gap, and few."""
    return len(ordered) <= _MOST_CODES and list(ordered) == list(range(len(ordered)))


def _why(task: Task, kind: pa.DataType, ordered: Sequence[Any]) -> str:
    if task is Task.BINARY:
        return f"two values: {ordered[0]!r} and {ordered[1]!r}"
    if task is Task.NUMBER:
        return f"numbers, {ordered[0]} to {ordered[-1]}"
    if _is_number(kind):
        return f"whole numbers 0 to {ordered[-1]} without a gap: codes of classes (--task number, if not)"
    return f"text with {len(ordered)} values"


def _classes(there: pa.ChunkedArray, ordered: Sequence[Any]) -> tuple[Any, ...]:
    """In order; of two texts, the rarer one is what a person wants to know of."""
    if len(ordered) != 2 or _is_number(there.type) or pa.types.is_boolean(there.type):
        return tuple(ordered)
    counts = [pc.sum(pc.equal(there, value)).as_py() for value in ordered]
    return tuple(ordered) if counts[1] <= counts[0] else (ordered[1], ordered[0])


def _ranking(
    table: pa.Table,
    column: str,
    there: pa.ChunkedArray,
    distinct: Sequence[Any],
    group: str,
    task: Task | None,
) -> Target:
    if task not in (None, Task.RANKING):
        raise BadInput("--group", group, f"nothing beside --task {task}: only rankings have queries")
    if not group:
        raise BadInput("--group", None, "for --task ranking, the column whose value rows of a query share")
    check_column(group, table.column_names, field="--group")
    if not _is_number(there.type) or min(distinct) < 0:
        raise _refused(column, "gains for a ranking: numbers of 0 or more, the best row the highest")
    queries = table[group].drop_null()
    if group == column or not (pa.types.is_integer(queries.type) or _is_text(queries.type)):
        raise BadInput("--group", group, "another column than the label, of text or whole numbers")
    count = pc.count_distinct(queries).as_py()
    if not count or len(queries) < 2 * count:
        raise BadInput(
            "--group", group, f"a column whose values rows share: {count:,} values in {len(queries):,} rows"
        )
    why = f"{len(distinct)} gains of rows, ranked by {group}: {len(queries) / count:.1f} rows of each"
    return Target(column=column, task=Task.RANKING, why=why, group=group, rows=len(there))


def _refused(column: str, allowed: str) -> BadInput:
    return BadInput("--label", column, allowed)


def _has_kind(kind: pa.DataType) -> bool:
    return _is_number(kind) or _is_text(kind) or bool(pa.types.is_boolean(kind))


def _is_number(kind: pa.DataType) -> bool:
    types = pa.types
    return bool(types.is_integer(kind) or types.is_floating(kind) or types.is_decimal(kind))


def _is_text(kind: pa.DataType) -> bool:
    return bool(pa.types.is_string(kind) or pa.types.is_large_string(kind))


def as_numbers(target: Target, table: pa.Table) -> np.ndarray[Any, np.dtype[np.float64]]:
    """The label of each row as a number, shape (rows,): a class's index, or the number; NaN without one."""
    values = table[target.column]
    if target.classes:
        values = pc.index_in(values, value_set=pa.array(target.classes, values.type), skip_nulls=True)
    found = pc.cast(values, pa.float64(), safe=False).to_numpy()
    return np.where(np.isfinite(found), found, np.nan)
