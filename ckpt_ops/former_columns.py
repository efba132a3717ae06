"""Columns under the names that the code of older versions reads, where the source has renamed them since.

Only kept code of an older version is given rows like this. A slice that has a column of the former name keeps
it: by the time that the source declares of it, or, where it declares none, because it holds one.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

import pyarrow as pa

from ckpt_ops.column_times import Columns, ColumnTimes, Since, absent, in_words
from ckpt_ops.errors import BadInput

FormerNames = Mapping[str, str]
"""By the name that older code reads, the column's name today."""

STATED = 'Evolve(columns={"the name that its code reads": "today\'s name"})'
"""How a pipeline states them, for messages."""


def former_names_in(schema: pa.Schema, names: FormerNames, columns: Columns) -> dict[str, str]:
    """Those of `names` that a slice needs: it has today's column, and none of the former name.

    Args:
        schema: its columns, as they came or filled in.
        columns: those with a declared time, as seen from the slice.
    """
    gone, here = absent(columns), set(schema.names)
    return {
        former: today
        for former, today in names.items()
        if today in here and today not in gone and (former not in here or former in gone)
    }


def schema_as_then(schema: pa.Schema, names: FormerNames) -> pa.Schema:
    """`schema` with the former names of columns: in their old place where it has one, else last."""
    fields = [_renamed(schema, field.name, names.get(field.name, field.name)) for field in schema]
    added = [_renamed(schema, former, today) for former, today in names.items() if former not in schema.names]
    return pa.schema([*fields, *added], metadata=schema.metadata)


def as_then(rows: pa.RecordBatch, names: FormerNames, columns: Sequence[str] | None = None) -> pa.RecordBatch:
    """The rows with the columns of `schema_as_then`, or `columns` of them; today's names stay, too."""
    schema = schema_as_then(rows.schema, names)
    chosen = schema if columns is None else pa.schema([schema.field(name) for name in columns])
    arrays = [rows.column(names.get(name, name)) for name in chosen.names]
    return pa.RecordBatch.from_arrays(arrays, schema=chosen) if arrays else rows


def table_as_then(table: pa.Table, names: FormerNames) -> pa.Table:
    """As `as_then`."""
    schema = schema_as_then(table.schema, names)
    return pa.table([table[names.get(name, name)] for name in schema.names], schema=schema)


def in_short(names: FormerNames) -> str:
    """`departure_delay as dep_delay, ...`."""
    return ", ".join(f"{today} as {former}" for former, today in names.items())


def check_shape(names: object) -> None:
    """Refuse what is no mapping of names to other names. Raises `BadInput`."""
    if not isinstance(names, Mapping):
        raise BadInput("Evolve.columns", names, f"a mapping of columns: {STATED}")
    for former, today in names.items():
        if not all(isinstance(one, str) and one for one in (former, today)) or former == today:
            raise BadInput("Evolve.columns", {former: today}, f"two different names of columns: {STATED}")


def check_names(names: FormerNames, declared: Iterable[str], times: ColumnTimes, *, source: str) -> None:
    """Refuse names by which no slice of today could be read. Raises `BadInput`.

    Args:
        declared: the columns of the source.
        times: when it has those that it does not always have.
        source: its name, for messages.
    """
    known = list(declared)
    for former, today in names.items():
        if today not in known or (today in times and not _stays(times, today)):
            there = ", ".join(name for name in known if name not in names and _stays(times, name))
            raise BadInput(
                "Evolve.columns",
                {former: today},
                f"on the right a column that slices of source {source} have today: {there}",
                next=f"write the name that the version's code reads, then today's: {STATED}",
            )
        if former in known and _stays(times, former):
            since = f" ({in_words(times[former])})" if former in times else ""
            raise BadInput(
                "Evolve.columns",
                {former: today},
                f"on the left a column that slices of source {source} have no more; {former} is one they "
                f"have{since}",
                next=f"leave {former} out of Evolve.columns; or declare when it went: "
                f"column_times={{{former!r}: Until(KEY, default=None)}} of the source",
            )


def _stays(times: ColumnTimes, name: str) -> bool:
    time = times.get(name)
    return time is None or (isinstance(time, Since) and time.until is None)


def _renamed(schema: pa.Schema, name: str, today: str) -> pa.Field:
    return schema.field(today).with_name(name)
