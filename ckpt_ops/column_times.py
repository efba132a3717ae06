"""When a source has a column: since a slice, until a slice, and what readers see in the slices without it.

A slice's revision is its content and stays as it is. What a slice lacks by its time is filled in where rows
are read, with the default that the source declares. The time decides, not the content: outside its time a
column is its default even where the slice holds one of that name.
"""

from __future__ import annotations

import base64
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import KW_ONLY, dataclass
from datetime import UTC, datetime
from typing import Any

import pyarrow as pa

from ckpt_ops.errors import BadInput

_FORM = 'a mapping of columns to times: {"weather": Since("2013-02-01", default="none")}'


@dataclass(frozen=True)
class Since:
    """A column that came with slice `key`: older ones do not have it.

    Attributes:
        key: of the first slice with the column; no slice need have this key.
        default: what readers see in slices without it; None: null.
        until: of the first slice without it again; None: it stays.
    """

    key: str
    _: KW_ONLY
    default: Any
    until: str | None = None

    def __post_init__(self) -> None:
        given = isinstance(self.key, str) and isinstance(self.until, str)  # else a check of keys refuses them
        if given and not str(self.key) < str(self.until):
            raise BadInput(
                "until", self.until, f"a key behind since={self.key!r}, or no slice would have the column"
            )


@dataclass(frozen=True)
class Until:
    """A column that went with slice `key`: that one and newer ones do not have it.

    Attributes:
        key: of the first slice without the column; no slice need have this key.
        default: what readers see in slices without it; None: null.
    """

    key: str
    _: KW_ONLY
    default: Any


Time = Since | Until
ColumnTimes = Mapping[str, Time]
"""By column, when the source has it. A column that is not named is always there."""


@dataclass(frozen=True, kw_only=True)
class ColumnAt:
    """A column with a declared time, as seen from one slice.

    Attributes:
        here: it is the column's time.
        when: its time in words: `since slice 2013-02-01`.
        default: what readers see where it is not its time.
    """

    field: pa.Field
    here: bool
    when: str
    default: pa.Scalar

    @property
    def shown(self) -> str:
        """The default in words."""
        return repr(self.default.as_py()) if self.default.is_valid else "null"


Columns = Mapping[str, ColumnAt]
"""The columns with a declared time, as seen from one slice."""


def bounds(time: Time) -> tuple[str, str | None]:
    """The first key with the column ("" for any), and the first without it again (None: it stays)."""
    return (time.key, time.until) if isinstance(time, Since) else ("", time.key)


def in_words(time: Time) -> str:
    """`since slice 2013-02-01 until slice 2013-06-01`; the second one is without the column."""
    since, until = bounds(time)
    return " ".join(
        [*([f"since slice {since}"] if since else []), *([f"until slice {until}"] if until else [])]
    )


def columns_at(schema: pa.Schema, times: ColumnTimes, key: str) -> dict[str, ColumnAt]:
    """Which of the columns with a declared time a slice has, in declared order."""
    found = {}
    for field in schema:
        if field.name in times:
            time = times[field.name]
            since, until = bounds(time)
            found[field.name] = ColumnAt(
                field=field,
                here=since <= key and (until is None or key < until),
                when=in_words(time),
                default=default_of(field, time),
            )
    return found


def absent(columns: Columns) -> dict[str, ColumnAt]:
    """Those that the slice does not have."""
    return {name: column for name, column in columns.items() if not column.here}


def asked_of(schema: pa.Schema, columns: Columns) -> pa.Schema:
    """The declared columns that the slice has by its time."""
    without = absent(columns)
    return pa.schema([field for field in schema if field.name not in without]) if without else schema


def filled_schema(stored: pa.Schema, columns: Columns) -> pa.Schema:
    """What readers see of a slice with the columns `stored`: those that it lacks by its time come last."""
    without = absent(columns)
    if not without:
        return stored
    fields = [without[field.name].field if field.name in without else field for field in stored]
    fields += [column.field for name, column in without.items() if name not in stored.names]
    return pa.schema([field.remove_metadata() for field in fields])


def filled(stored: pa.RecordBatch, columns: Columns, names: Sequence[str] | None = None) -> pa.RecordBatch:
    """The rows as readers see them: all columns of `filled_schema`, or `names` of them, in that order."""
    schema, without = filled_schema(stored.schema, columns), absent(columns)
    schema = schema if names is None else pa.schema([schema.field(name) for name in names])
    arrays = [
        repeated(without[name].default, stored.num_rows) if name in without else stored.column(name)
        for name in schema.names
    ]
    if not arrays:
        return stored
    return pa.RecordBatch.from_arrays(arrays, schema=schema)


def repeated(value: pa.Scalar, rows: int) -> pa.Array:
    """A column of one value."""
    return pa.repeat(value, rows) if value.is_valid else pa.nulls(rows, value.type)


def as_text(columns: Columns) -> str:
    """The absent ones with their defaults, for another process; "" when there are none."""
    without = absent(columns)
    if not without:
        return ""
    schema = pa.schema([column.field.remove_metadata() for column in without.values()])
    row = pa.RecordBatch.from_arrays([repeated(one.default, 1) for one in without.values()], schema=schema)
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, schema) as stream:
        stream.write_batch(row)
    return base64.b64encode(sink.getvalue().to_pybytes()).decode()


def from_text(text: str) -> dict[str, ColumnAt]:
    """The inverse of `as_text`; the words of their times are gone."""
    if not text:
        return {}
    with pa.ipc.open_stream(base64.b64decode(text)) as stream:
        table = stream.read_all()
    return {
        field.name: ColumnAt(field=field, here=False, when="", default=table[field.name][0])
        for field in table.schema
    }


def described(schema: pa.Schema, times: ColumnTimes) -> dict[str, Any]:
    """The times as settings in a candidate's id: they shape what a model sees of a slice."""
    found = {}
    for name, time in sorted(times.items()):
        field, (since, until) = schema.field(name), bounds(time)
        default = default_of(field, time)
        found[name] = {
            "type": str(field.type),
            "since": since or None,
            "until": until,
            "default": str(default) if default.is_valid else None,
        }
    return found


def check_times(schema: pa.Schema, times: object, *, source: str, key: Callable[[str, str], object]) -> None:
    """Refuse times that no slice could be read by.

    Args:
        source: its name, for messages.
        key: called with a field and the key in it; raises `BadInput` for what is no key of the source.

    Raises:
        BadInput: no mapping of times, a column that is not declared, a key that is none of the source, or a
            default that is no value of the column's type.
    """
    if not isinstance(times, Mapping):
        raise BadInput("column_times", times, _FORM)
    for name, time in times.items():
        if name not in schema.names:
            raise BadInput("column_times", name, f"columns of source {source}: {', '.join(schema.names)}")
        if not isinstance(time, Since | Until):
            raise BadInput(f"column_times[{name!r}]", time, 'Since("2013-02-01", default=...) or Until(...)')
        for bound in ("key", "until"):
            if (value := getattr(time, bound, None)) is not None:
                key(f"column_times[{name!r}].{bound}", value)
        default_of(schema.field(name), time)
    if times and not set(schema.names) - set(times):
        raise BadInput(
            "column_times",
            ", ".join(times),
            f"not all columns of source {source}: a slice without any declared column is a different table",
        )


def default_of(field: pa.Field, time: Time) -> pa.Scalar:
    """The default as the column has it. Raises `BadInput` where its type does not hold it, exactly."""
    value, kind = time.default, field.type
    where = f"column_times[{field.name!r}].default"
    if value is None:
        if not field.nullable:
            raise BadInput(where, value, f"a value: column {field.name} is declared nullable=False")
        return pa.scalar(None, kind)
    try:
        found = pa.scalar(value, kind)
        if _holds(found, value):
            return found
        lost = f"it would be {found}"
    except (pa.ArrowException, TypeError, ValueError, OverflowError) as error:
        lost = str(error)
    raise BadInput(where, value, f"a value of {kind}, or None for null; {lost}")


def _holds(scalar: pa.Scalar, value: Any) -> bool:
    """Whether the scalar is the value: floats may be rounded, nothing else may change."""
    kind = scalar.type
    if value is None or not scalar.is_valid:
        return value is None and not scalar.is_valid
    if pa.types.is_floating(kind):
        came = scalar.as_py()
        return math.isnan(came) if math.isnan(value) else math.isfinite(came) == math.isfinite(value)
    if pa.types.is_list(kind) or pa.types.is_large_list(kind) or pa.types.is_fixed_size_list(kind):
        items = list(value)
        return len(scalar.values) == len(items) and all(map(_holds, scalar.values, items))
    if pa.types.is_struct(kind):
        return set(value) == set(scalar.keys()) and all(_holds(scalar[name], value[name]) for name in value)
    if pa.types.is_timestamp(kind):
        if kind.tz is not None and isinstance(value, datetime) and value.tzinfo is None:
            value = value.replace(tzinfo=UTC)
        scalar = scalar.cast(pa.timestamp("us", kind.tz))  # in ns, it would be pandas'
    if pa.types.is_duration(kind):
        scalar = scalar.cast(pa.duration("us"))
    came = scalar.as_py()
    return bool(came == value) and isinstance(came, datetime) == isinstance(value, datetime)
