"""Which of the declared columns a slice of a source has, by its key: see `ckpt_ops/column_times.py`."""

from __future__ import annotations

from collections.abc import Collection

import pyarrow as pa

from ckpt_ops.column_times import ColumnAt, ColumnTimes, absent, asked_of, bounds, check_times, columns_at
from ckpt_ops.column_types import cast
from ckpt_ops.errors import BadInput
from ckpt_ops.key_times import form_of, time_of
from ckpt_ops.printable import first_few
from ckpt_ops.slices.identity import check_key
from ckpt_ops.slices.key_forms import own_form
from ckpt_ops.slices.source import SliceSource


def times_of(source: SliceSource) -> ColumnTimes:
    """The times that the source declares of its columns, by an attribute `column_times`; it may have none."""
    found: ColumnTimes = getattr(source, "column_times", None) or {}
    return found


def columns_of(source: SliceSource, key: str) -> dict[str, ColumnAt]:
    """The columns with a declared time, as seen from slice `key`.

    Raises `BadInput` when a time is written in a form that the source's keys are not.
    """
    times = times_of(source)
    if times:
        _check_alike(source, times, key)
    return columns_at(source.schema, times, key)


def declared_at(source: SliceSource, key: str) -> pa.Schema:
    """The declared columns that slice `key` has by its time."""
    return asked_of(source.schema, columns_of(source, key))


def check_column_times(source: SliceSource) -> None:
    """Refuse times that no slice of the source could be read by. Raises `BadInput`; reads nothing."""
    form = own_form(source)

    def key(field: str, value: str) -> None:
        check_key(value, field=field)
        if form is not None and time_of(value, form) is None:
            raise BadInput(field, value, f"a key of source {source.name}, written as {form}")

    times = getattr(source, "column_times", None)
    if times is not None:
        check_times(source.schema, times, source=source.name, key=key)


def in_words_for(source: SliceSource, keys: Collection[str]) -> list[str]:
    """A sentence for each column that some of these slices lack by its time."""
    found: dict[str, list[str]] = {}
    columns: dict[str, ColumnAt] = {}
    for key in sorted(keys) if times_of(source) else ():
        for name, column in absent(columns_of(source, key)).items():
            found.setdefault(name, []).append(key)
            columns[name] = column
    return [
        f"Column {name} is declared {columns[name].when}: {len(without)} of these slices are without it "
        f"({first_few(without, 5)}), and models see {columns[name].shown} in them."
        for name, without in found.items()
    ]


def _check_alike(source: SliceSource, times: ColumnTimes, key: str) -> None:
    """Keys are compared as text: of two forms, that would say nothing about time."""
    if own_form(source) is not None:
        return  # `check_column_times` has looked
    for name, time in times.items():
        for bound in filter(None, bounds(time)):
            if form_of(bound) != form_of(key):
                raise BadInput(
                    f"column_times[{name!r}]",
                    bound,
                    f"a key as source {source.name} writes them, such as {key!r}",
                )


def with_all_columns(table: pa.Table, schema: pa.Schema) -> pa.Table:
    """The declared columns in the declared types; one that the table lacks has no values."""
    columns = [
        cast(table[field.name], field.type)
        if field.name in table.column_names
        else pa.nulls(table.num_rows, field.type)
        for field in schema
    ]
    return pa.table(columns, schema=schema)
