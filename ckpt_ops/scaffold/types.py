"""From text to types: what a column of a CSV file, or the text in JSON, can be read as without loss."""

from __future__ import annotations

import pyarrow as pa
import pyarrow.compute as pc

_CLOCK = r"[T ]\d{2}:\d{2}(:\d{2}(\.\d{1,9})?)?"
_BOOLEAN = "^(true|false|True|False|TRUE|FALSE)$"
_WHOLE = r"^-?\d+$"
_LEADING_ZERO = r"^-?0\d"
_NUMBER = r"^-?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?$|^(nan|NaN|-?inf)$"
_DATE = r"^\d{4}-\d{2}-\d{2}$"
_TIME = rf"^\d{{4}}-\d{{2}}-\d{{2}}{_CLOCK}$"
_ZONED = rf"^\d{{4}}-\d{{2}}-\d{{2}}{_CLOCK}(Z|[+-]\d{{2}}:?\d{{2}})$"


def type_of_text(column: pa.ChunkedArray) -> pa.DataType:
    """Of a CSV column. Whole numbers with leading zeros, such as 01234, are codes: they stay text."""
    values = column.drop_null()
    if not len(values):
        return pa.string()
    if _all(values, _BOOLEAN):
        return pa.bool_()
    if _all(values, _WHOLE):
        code = pc.any(pc.match_substring_regex(values, _LEADING_ZERO)).as_py()
        return pa.string() if code or not _casts(values, pa.int64()) else pa.int64()
    if _all(values, _NUMBER):
        return pa.float64()
    return time_of_text(column)


def time_of_text(column: pa.ChunkedArray) -> pa.DataType:
    """A date, a timestamp in microseconds, with the zone UTC where values have one; or text."""
    values = column.drop_null()
    if not len(values):
        return pa.string()
    for pattern, kind in (
        (_DATE, pa.date32()),
        (_TIME, pa.timestamp("us")),
        (_ZONED, pa.timestamp("us", tz="UTC")),
    ):
        if _all(values, pattern) and _casts(values, kind):
            return kind
    return pa.string()


def _all(values: pa.ChunkedArray, pattern: str) -> bool:
    return bool(pc.all(pc.match_substring_regex(values, pattern)).as_py())


def _casts(values: pa.ChunkedArray, kind: pa.DataType) -> bool:
    try:
        values.cast(kind)
    except pa.ArrowInvalid:
        return False
    return True
