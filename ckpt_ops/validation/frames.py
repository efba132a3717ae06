"""Arrow tables as the pandas frames that Great Expectations evaluates.

Numbers are backed by numpy: on Arrow-backed ones it is several times slower. What a column becomes must
not depend on the rows that happen to be in a chunk, so that is decided for the slice as a whole.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

import pyarrow as pa

from ckpt_ops.column_types import cast


def evaluated_schema(came: pa.Schema, declared: pa.Schema, *, unusable: Collection[str]) -> pa.Schema:
    """The types in which columns are evaluated: as declared, and a dictionary as its values.

    Args:
        unusable: columns whose type does not fit the declared one; they stay as they came.
    """
    usable = {field.name: field.type for field in declared if field.name not in unusable}
    kinds = {field.name: usable.get(field.name, field.type) for field in came}
    return pa.schema(
        [(name, kind.value_type if pa.types.is_dictionary(kind) else kind) for name, kind in kinds.items()]
    )


def differs_with_nulls(kind: pa.DataType) -> bool:
    """Whether pandas uses a different type for such a column when there are nulls."""
    return bool(pa.types.is_integer(kind) or pa.types.is_boolean(kind))


def frame_of(
    table: pa.Table,
    schema: pa.Schema,
    *,
    nullable: Collection[str] = (),
    python_text: bool = False,
    float_decimals: bool = False,
) -> Any:
    """The table as pandas, in the types of `schema` (`evaluated_schema`).

    Args:
        nullable: columns with a null somewhere in the slice: integers are float64 and booleans objects.
            Needed where the table is only a part of the slice.
        python_text: text as Python objects rather than in Arrow's memory, which takes a fifth of it and
            is faster, but has regular expressions of its own (RE2).
        float_decimals: decimals as float64, for sums and means; else as Python's own, which compare exactly.
    """
    import numpy as np
    import pandas as pd

    for at, name in enumerate(table.column_names):
        column = cast(table.column(at), schema.field(name).type)
        if name in nullable and pa.types.is_integer(column.type):
            column = column.cast(pa.float64(), safe=False)  # beyond 2**53 it rounds, as pandas does
        if float_decimals and pa.types.is_decimal(column.type):
            column = column.cast(pa.float64())
        table = table.set_column(at, name, _in_nanoseconds(column))
    text = pd.StringDtype("python" if python_text else "pyarrow", na_value=np.nan)
    kinds = {pa.string(): text, pa.large_string(): text}
    try:
        frame = table.to_pandas(types_mapper=kinds.get, date_as_object=False)
    except (
        pa.ArrowNotImplementedError
    ):  # for some types inside a list or a map, such as binary(3): as Python's own values
        nested = [field.name for field in table.schema if pa.types.is_nested(field.type)]
        frame = table.drop_columns(nested).to_pandas(types_mapper=kinds.get, date_as_object=False)
        for name in nested:
            frame[name] = pd.Series(table[name].to_pylist(), dtype=object)
        frame = frame[table.column_names]
    mixed = [
        field.name for field in table.schema if pa.types.is_boolean(field.type) and field.name in nullable
    ]
    return frame.astype(dict.fromkeys(mixed, object))


def frame_of_rows(count: int) -> Any:
    """A frame of this many rows and no columns."""
    import pandas as pd

    return pd.DataFrame(index=pd.RangeIndex(count))


def _in_nanoseconds(column: pa.ChunkedArray) -> pa.ChunkedArray:
    """Dates and times without a zone, where they fit: pandas compares other units one by one, in Python."""
    kind = column.type
    if not (pa.types.is_date(kind) or (pa.types.is_timestamp(kind) and kind.tz is None)):
        return column
    try:
        return column.cast(pa.timestamp("ns"))
    except pa.ArrowInvalid:  # a year before 1678 or after 2261
        return column
