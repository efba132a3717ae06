"""What lists hold, from an Arrow column or from a sequence for each row; what no model takes is refused."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from ckpt_ops.lists import ListColumn, is_cells, joined_lists, list_column
from ckpt_ops.training.refusing import Refuse

Array = npt.NDArray[Any]
TEXT = frozenset({str, bytes, np.str_, np.bytes_})
_ANY = np.int8
"""Of lists that are all empty: it may become any other dtype of numbers."""
_ALLOWED = (
    "a row may hold a list of numbers or of text, or of rows of numbers that are all of one length; "
    "what lies deeper goes into an input of its own"
)


def is_list(kind: pa.DataType) -> bool:
    """Whether an Arrow type holds a list for each row."""
    types = pa.types
    return bool(types.is_list(kind) or types.is_large_list(kind) or types.is_fixed_size_list(kind))


def of_arrow(column: pa.Array | pa.ChunkedArray, refuse: Refuse) -> ListColumn:
    """Of an Arrow column of lists."""
    if not is_list(column.type):
        raise refuse(f"is of type {column.type}, which holds no lists", _ALLOWED)
    chunks = column.chunks if isinstance(column, pa.ChunkedArray) else [column]
    nothing = np.concatenate([np.empty(0, bool), *(one.is_null().to_numpy(False) for one in chunks)])
    _no_nulls(np.flatnonzero(nothing), refuse, "list")
    parts, rows = [], 0
    for chunk in chunks:
        lengths = pc.list_value_length(chunk).to_numpy(zero_copy_only=False).astype(np.int64)
        inner = chunk.flatten()
        tail: tuple[int, ...] = ()
        if pa.types.is_fixed_size_list(inner.type):
            tail = (inner.type.list_size,)
            if inner.null_count:
                _no_nulls(_rows_of(inner.is_null(), lengths, rows), refuse, "value in its list")
            inner = inner.flatten()
        if pa.types.is_dictionary(inner.type):
            inner = inner.dictionary_decode()
        _check_kind(inner.type, refuse)
        if inner.null_count:
            at = _rows_of(inner.is_null(), lengths * int(np.prod(tail)), rows)
            _no_nulls(at, refuse, "value in its list")
        values = np.empty(0, _ANY) if pa.types.is_null(inner.type) else inner.to_numpy(zero_copy_only=False)
        flat = values.reshape(-1, *tail)
        parts.append(list_column(flat, lengths, pad=None))
        rows += len(chunk)
    return joined_lists(parts) if parts else list_column(np.empty(0, _ANY), np.empty(0, np.int64), pad=None)


def of_rows(values: Any, refuse: Refuse) -> ListColumn:
    """Of one sequence for each row, such as an array of arrays."""
    if isinstance(values, np.ndarray) and values.ndim > 1 and not is_cells(values):
        if values.ndim > 3:
            raise refuse(f"has {values.ndim} dimensions", _ALLOWED)
        lengths = np.full(len(values), values.shape[1], np.int64)
        return list_column(values.reshape(-1, *values.shape[2:]), lengths, pad=None)
    try:
        rows = list(values)
    except TypeError:
        raise refuse(f"is one {type(values).__name__}, not a column", "return a list for each row") from None
    cells = list(_cells(rows, refuse))
    filled = [(row, cell) for row, cell in enumerate(cells) if len(cell)]
    if not filled:
        return list_column(np.empty(0, _ANY), np.zeros(len(cells), np.int64), pad=None)
    first_row, first = filled[0]
    for row, cell in filled:
        if _kind(cell) != _kind(first):
            raise refuse(
                f"has {_named(cell)} in row {row} and {_named(first)} in row {first_row}",
                "give all lists of a column one dtype: astype(...)",
            )
        if cell.shape[1:] != first.shape[1:]:
            raise refuse(
                f"has values of shape {cell.shape[1:]} in row {row} and {first.shape[1:]} in row {first_row}",
                _ALLOWED,
            )
    lengths = np.fromiter(map(len, cells), np.int64, len(cells))
    return list_column(np.concatenate([cell for _, cell in filled]), lengths, pad=None)


def check_finite(column: ListColumn, refuse: Refuse, *, nan_is_fine: bool) -> None:
    """Refuse infinity, and NaN where it stands for nothing."""
    if column.dtype.kind != "f":
        return
    flat = column.flat()
    bad = np.isinf(flat) if nan_is_fine else ~np.isfinite(flat)
    at = np.flatnonzero(bad.any(axis=tuple(range(1, bad.ndim))))
    if len(at):
        rows = np.unique(np.searchsorted(np.cumsum(column.lengths), at, side="right"))
        raise refuse(
            f"has values that are {'infinite' if nan_is_fine else 'not finite'} in {len(rows)} rows, "
            f"the first of them row {rows[0]}",
            "drop or fill them in examples(), and let the suite reject them",
        )


def _check_kind(kind: pa.DataType, refuse: Refuse) -> None:
    types = pa.types
    if types.is_nested(kind):
        raise refuse(f"is nested deeper than a list a row: its lists hold {kind}", _ALLOWED)
    numbers = types.is_integer(kind) or types.is_floating(kind) or types.is_boolean(kind)
    if not (numbers or types.is_string(kind) or types.is_large_string(kind) or types.is_null(kind)):
        raise refuse(f"has lists of {kind}", "convert what they hold to numbers or text")


def _rows_of(nothing: pa.Array, lengths: npt.NDArray[np.int64], first: int) -> npt.NDArray[np.int64]:
    at = np.flatnonzero(nothing.to_numpy(zero_copy_only=False))
    return first + np.unique(np.searchsorted(np.cumsum(lengths), at, side="right"))


def _cells(rows: list[Any], refuse: Refuse) -> Iterator[Array]:
    for row, one in enumerate(rows):
        if one is None or (isinstance(one, float) and one != one):
            _no_nulls(np.array([row]), refuse, "list")
        if not isinstance(one, list | tuple | np.ndarray | pa.Array):
            raise refuse(f"has a {type(one).__name__} in row {row}, not a list", "give each row a list")
        try:
            cell = np.asarray(one)
        except ValueError:
            raise refuse(f"is nested deeper than a list a row in row {row}", _ALLOWED) from None
        if cell.ndim not in (1, 2):
            raise refuse(f"is nested deeper than a list a row in row {row}: shape {cell.shape}", _ALLOWED)
        yield _checked(cell, one, row, refuse)


def _checked(cell: Array, one: Any, row: int, refuse: Refuse) -> Array:
    """Text as objects; a list of numbers and text became text above, which must not pass for it."""
    if cell.dtype.kind in "biuf":
        return cell
    if cell.dtype.kind in "Mm":
        raise refuse(f"has {cell.dtype} in row {row}", "convert it to numbers or text")
    held = list(one) if cell.ndim == 1 else list(cell.flat)
    kinds = set(map(type, held))
    if any(value is None or value != value for value in held if not isinstance(value, np.ndarray)):
        _no_nulls(np.array([row]), refuse, "value in its list")
    if any(issubclass(kind, list | tuple | dict | set | np.ndarray) for kind in kinds):
        raise refuse(f"is nested deeper than a list a row in row {row}", _ALLOWED)
    if not kinds <= TEXT:
        names = ", ".join(sorted(kind.__name__ for kind in kinds))
        raise refuse(f"has {names} in one list, in row {row}", "give numbers of one dtype, or text as str")
    return np.array(held, object) if cell.ndim == 1 else cell.astype(object)


def _kind(cell: Array) -> str:
    """What a model could not take for one another: "i" and "u" are both whole numbers."""
    return {"u": "i", "S": "O", "U": "O"}.get(cell.dtype.kind, cell.dtype.kind)


def _named(cell: Array) -> str:
    return "text" if _kind(cell) == "O" else str(cell.dtype)


def _no_nulls(rows: npt.NDArray[Any], refuse: Refuse, what: str) -> None:
    if len(rows):
        raise refuse(
            f"has no {what} (null) in {len(rows)} rows, the first of them row {rows[0]}",
            "drop these rows in examples(), or fill them: an empty list, or a value that stands for it",
        )
