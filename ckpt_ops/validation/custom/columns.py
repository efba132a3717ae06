"""A column in the form that a measure needs: numbers, categories or instants, from pandas or Arrow."""

from __future__ import annotations

from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from ckpt_ops.validation.custom.findings import NotEvaluated

Floats = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]
Arrow: TypeAlias = pa.Array | pa.ChunkedArray

_MICROSECONDS = pa.timestamp("us")


def arrow(series: Any) -> Arrow:
    """A pandas column as Arrow; NaN becomes null."""
    found = pa.Array.from_pandas(series)
    return found.dictionary_decode() if pa.types.is_dictionary(found.type) else found


def is_number(column: Arrow) -> bool:
    kind, types = column.type, pa.types
    return bool(types.is_integer(kind) or types.is_floating(kind) or types.is_decimal(kind))


def is_category(column: Arrow) -> bool:
    return _is_text(column.type) or bool(pa.types.is_boolean(column.type))


def numbers(column: Arrow) -> Floats:
    """float64, shape (rows,); null and NaN are NaN. Integers beyond 2**53 are rounded."""
    found = pc.cast(column, pa.float64(), safe=False).to_numpy(zero_copy_only=False)
    return np.asarray(found, np.float64)


def counts(column: Arrow) -> dict[Any, int]:
    """Value to rows; None stands for null."""
    return {each["values"]: each["counts"] for each in pc.value_counts(column).to_pylist()}


def valid(column: Arrow) -> Bools:
    """Where there is a value, shape (rows,)."""
    return np.asarray(pc.is_valid(column).to_numpy(zero_copy_only=False), np.bool_)


def microseconds(column: Arrow, name: str) -> tuple[npt.NDArray[np.int64], Bools]:
    """Microseconds since 1970 in UTC, and where there are any; a time without a zone is read as UTC."""
    if not (pa.types.is_timestamp(column.type) or pa.types.is_date(column.type)):
        raise TypeError(f"{name} has to hold timestamps or dates, not {_named(column.type)}")
    zone = getattr(column.type, "tz", None)
    kind = pa.timestamp("us", zone) if zone else _MICROSECONDS
    since = pc.cast(pc.cast(column, kind, safe=False), pa.int64())
    return np.asarray(pc.fill_null(since, 0).to_numpy(zero_copy_only=False)), valid(column)


def local_microseconds(times: npt.NDArray[np.int64], known: Bools, zone: str) -> npt.NDArray[np.int64]:
    """Times of a clock on the wall in `zone`, as microseconds since 1970 in UTC.

    A time that the clocks skipped is read as the one after the change, one that came twice as the first.
    """
    local = pa.array(times, pa.timestamp("us"), mask=~known)
    found = pc.assume_timezone(local, zone, ambiguous="earliest", nonexistent="latest")
    return np.asarray(pc.fill_null(pc.cast(found, pa.int64()), 0).to_numpy(zero_copy_only=False))


def check_alike(values: Arrow, column: Arrow, name: str) -> None:
    """Raises `NotEvaluated` when the reference's `values` are of a different sort than the slice's `column`.

    Numbers are one sort, text is one, and any other type is one. A column of nulls fits all.
    """
    if column.null_count == len(column) or values.type.equals(column.type):
        return
    text = is_category(values) and is_category(column)
    booleans = pa.types.is_boolean(values.type) or pa.types.is_boolean(column.type)
    if not (is_number(values) and is_number(column)) and (booleans or not text):
        raise NotEvaluated(
            f"{name} is {_named(column.type)} and was {_named(values.type)} in the consumed slices"
        )


def among(column: Arrow, values: Arrow) -> Bools:
    """Which rows of `column` are one of `values`, a column of the same sort; shape (rows,)."""
    if not values.type.equals(column.type):
        shared = pa.float64() if is_number(column) else pa.large_string()
        column, values = pc.cast(column, shared, safe=False), pc.cast(values, shared, safe=False)
    return np.asarray(pc.is_in(column, value_set=values), np.bool_)


def _is_text(kind: pa.DataType) -> bool:
    types = pa.types
    return bool(types.is_string(kind) or types.is_large_string(kind) or types.is_string_view(kind))


def _named(kind: pa.DataType) -> str:
    """The type's name as a schema has it: text comes from pandas as large_string."""
    return "string" if _is_text(kind) else str(kind)
