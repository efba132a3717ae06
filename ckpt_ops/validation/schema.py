"""Schema drift: which column, what was declared, what came.

A column has not drifted when its type fits the declared one, or each of its values does
(see `ckpt_ops/column_types.py`). A column without a single value may come typed `null`: that is not
drift but a question of nulls, reported as a warning, and the suite's expectations on nulls decide.
Nullability and metadata are not compared.

A column with a declared time (`ckpt_ops/column_times.py`) is asked of the slices of its time alone. Of the
others it must not come: its values there would be seen by nobody.
"""

from __future__ import annotations

from collections.abc import Mapping

import pyarrow as pa
from blake3 import blake3

from ckpt_ops.column_times import ColumnAt, Columns, absent, asked_of
from ckpt_ops.column_types import fits, misfit, values_decide
from ckpt_ops.printable import one_line
from ckpt_ops.validation.rows import SliceRows
from ckpt_ops.validation.verdict import Kind, Reason, Severity


def schema_digest(declared: pa.Schema, columns: Columns | None = None) -> str:
    """16 hex digits that change when a declared column does, or whether the slice has it by its time."""
    without = absent(columns or {})
    lines = [f"{one.name!r} {one.type}{' absent' * (one.name in without)}" for one in declared]
    return blake3("\n".join(lines).encode()).hexdigest()[:16]


def schema_drift(
    declared: pa.Schema,
    found: pa.Schema,
    misfits: Mapping[str, object] | None = None,
    *,
    columns: Columns | None = None,
) -> list[Reason]:
    """One reason per column that is missing, extra or of a type that does not fit, in declared order.

    A missing or mistyped column is critical. An extra one is a warning: nothing reads it yet. One that came
    outside its time is critical; one that did not, as declared, is reported for information.
    The order of columns does not matter.

    Args:
        misfits: by column whose values decide, its first value that is not of the declared type.
        columns: those with a declared time, as seen from the slice.
    """
    misfits, columns = misfits or {}, columns or {}
    reasons = [_outside(column, found) for column in absent(columns).values()]
    for field in asked_of(declared, columns):
        name = one_line(field.name)
        if field.name not in found.names:
            when = f" {columns[field.name].when}" if field.name in columns else ""
            message = f"column {name} is missing: declared as {field.type}{when}"
            reasons.append(Reason(kind=Kind.MISSING, column=field.name, message=message))
            continue
        came = found.field(field.name).type
        if pa.types.is_null(came) and not pa.types.is_null(field.type):
            message = f"column {name} has no value in any row: declared {field.type}, came without a type"
            reasons.append(
                Reason(kind=Kind.ALL_NULL, column=field.name, message=message, severity=Severity.WARNING)
            )
        elif field.name in misfits or not (fits(came, field.type) or values_decide(came, field.type)):
            message = f"column {name} changed its type: declared {field.type}, came {came}"
            if field.name in misfits:
                message += f"; its value {one_line(str(misfits[field.name]))} is not {field.type}"
            reasons.append(Reason(kind=Kind.TYPE, column=field.name, message=message))
    for field in found:
        name = one_line(field.name)
        if field.name not in declared.names:
            message = f"column {name} is new: not declared, came as {field.type}; nothing reads it"
            reasons.append(
                Reason(kind=Kind.EXTRA, column=field.name, message=message, severity=Severity.WARNING)
            )
    return reasons


def _outside(column: ColumnAt, found: pa.Schema) -> Reason:
    name, shown = one_line(column.field.name), one_line(column.shown)
    if column.field.name in found.names:
        came = found.field(column.field.name).type
        message = f"column {name} came as {came} outside its time: it is declared {column.when}"
        return Reason(kind=Kind.OUTSIDE, column=column.field.name, message=message)
    message = f"column {name} is not asked for: it is declared {column.when}; models see {shown}"
    return Reason(kind=Kind.OUTSIDE, column=column.field.name, message=message, severity=Severity.INFO)


def misfits_of(rows: SliceRows, declared: pa.Schema) -> dict[str, pa.Scalar]:
    """By column of `rows` whose values decide, the first that is not of the declared type, if there is one.

    Each such column is read up to that value, a batch at a time.
    """
    found: dict[str, pa.Scalar] = {}
    for field in declared:
        if field.name not in rows.schema.names:
            continue
        if values_decide(rows.schema.field(field.name).type, field.type):
            values = (misfit(batch.column(0), field.type) for batch in rows.batches([field.name]))
            first = next((value for value in values if value is not None), None)
            if first is not None:
                found[field.name] = first
    return found


def to_declare(found: pa.Schema, declared: pa.Schema) -> pa.Schema | None:
    """The schema of `found`, as declared for columns that fit by value, not by type. None: there are none.

    Types that fit by themselves stay as they came.
    """
    kinds = {field.name: field.type for field in declared}
    came = {field.name: field.type for field in found}
    by_value = {
        name for name, kind in came.items()
        if name in kinds and not fits(kind, kinds[name]) and values_decide(kind, kinds[name])
    }  # fmt: skip
    if not by_value:
        return None
    return pa.schema(
        [field.with_type(kinds[field.name]) if field.name in by_value else field for field in found]
    )
