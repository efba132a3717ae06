"""Compares a column of Arrow values with one value: exactly, and false wherever the column is null.

Values are compared as what they are, never as text: a bound that a column's type cannot hold is still
compared correctly (`age < 1000` holds for every 8-bit age that is there).
"""

from __future__ import annotations

import math
from collections.abc import Callable
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

Literal = str | int | float | bool
Test = Callable[[pa.Array], pa.Array]
"""Booleans, none of them null, a row each."""

OPERATORS: dict[str, Callable[..., Any]] = {
    "==": pc.equal,
    "!=": pc.not_equal,
    "<": pc.less,
    "<=": pc.less_equal,
    ">": pc.greater,
    ">=": pc.greater_equal,
}


class Mismatch(ValueError):
    """The value's kind differs from the column's; the message says what would fit."""


def comparison(kind: pa.DataType, operator: str, literal: Literal) -> Test:
    """`column OPERATOR literal` for columns of type `kind`. Raises `Mismatch`."""
    if pa.types.is_dictionary(kind):
        inner = comparison(kind.value_type, operator, literal)
        return lambda column: inner(column.dictionary_decode())
    if pa.types.is_null(kind):
        return _never
    if pa.types.is_boolean(kind):
        if not isinstance(literal, bool) or operator not in ("==", "!="):
            raise Mismatch("== or != and true or false")
        return _compared(kind, operator, pa.scalar(literal))
    if pa.types.is_integer(kind):
        return _integer(kind, operator, _number(literal))
    if pa.types.is_floating(kind):
        return _floating(kind, operator, _number(literal))
    if pa.types.is_decimal(kind):
        return _compared(kind, operator, pa.scalar(Decimal(repr(_number(literal)))))
    if pa.types.is_string(kind) or pa.types.is_large_string(kind) or pa.types.is_string_view(kind):
        if not isinstance(literal, str):
            raise Mismatch("text in quotes, such as 'p-17'")
        return _compared(kind, operator, pa.scalar(literal, kind))
    if pa.types.is_date(kind):
        return _compared(kind, operator, pa.scalar(_date(literal)))
    if pa.types.is_timestamp(kind):
        return _timestamp(kind, operator, _time(literal))
    raise Mismatch("`is null` or `is not null`: values of this type are not compared")


def null(column: pa.Array) -> pa.Array:
    """Whether there is no value. NaN is one."""
    return column.is_null()


def _never(column: pa.Array) -> pa.Array:
    return pa.array(np.zeros(len(column), np.bool_))


def _always(column: pa.Array) -> pa.Array:
    return column.is_valid()


def _compared(kind: pa.DataType, operator: str, value: pa.Scalar, cast: pa.DataType | None = None) -> Test:
    def test(column: pa.Array) -> pa.Array:
        return pc.fill_null(OPERATORS[operator](column.cast(cast) if cast else column, value), False)

    try:
        test(pa.array([], kind))
    except pa.ArrowException as error:
        raise Mismatch(f"a value that {kind} can be compared with") from error
    return test


def _integer(kind: pa.DataType, operator: str, number: int | float) -> Test:
    bits, signed = kind.bit_width, pa.types.is_signed_integer(kind)
    low, high = (-(2 ** (bits - 1)), 2 ** (bits - 1) - 1) if signed else (0, 2**bits - 1)
    if isinstance(number, float) and math.isfinite(number) and not number.is_integer():
        if operator in ("==", "!="):
            return _never if operator == "==" else _always
        operator, number = ("<=", math.floor(number)) if operator[0] == "<" else (">=", math.ceil(number))
    if number > high:
        return _always if operator in ("!=", "<", "<=") else _never
    if number < low:
        return _always if operator in ("!=", ">", ">=") else _never
    return _compared(kind, operator, pa.scalar(int(number), kind))


def _floating(kind: pa.DataType, operator: str, number: int | float) -> Test:
    # a float32 column holds 0.1 as float32 does: `x == 0.1` means that value
    width = np.dtype(f"float{kind.bit_width}")
    with np.errstate(over="ignore"):
        value = float(np.asarray(_as_float(number)).astype(width))
    cast = pa.float32() if kind.bit_width == 16 else None  # Arrow cannot compare halffloats
    return _compared(kind, operator, pa.scalar(value, cast or kind), cast)


def _timestamp(kind: pa.DataType, operator: str, time: datetime) -> Test:
    if kind.tz is None:
        return _compared(kind, operator, pa.scalar(time.replace(tzinfo=None), pa.timestamp("us")))
    cast = None if kind.tz == "UTC" else pa.timestamp(kind.unit, "UTC")
    return _compared(kind, operator, pa.scalar(time, pa.timestamp("us", "UTC")), cast)


def _number(literal: Literal) -> int | float:
    if isinstance(literal, bool | str):
        raise Mismatch("a number without quotes")
    return literal


def _as_float(number: int | float) -> float:
    try:
        return float(number)
    except OverflowError:
        return math.inf if number > 0 else -math.inf


def _date(literal: Literal) -> date:
    try:
        return date.fromisoformat(str(literal) if isinstance(literal, str) else "")
    except ValueError:
        raise Mismatch("an ISO date in quotes, such as '2013-01-06'") from None


def _time(literal: Literal) -> datetime:
    """In UTC; a time without a zone is UTC already."""
    try:
        time = datetime.fromisoformat(str(literal) if isinstance(literal, str) else "")
        return time.replace(tzinfo=UTC) if time.tzinfo is None else time.astimezone(UTC)
    except (ValueError, OverflowError):
        raise Mismatch("an ISO date or time in quotes, such as '2013-01-06' or '2013-01-06T12:00'") from None
