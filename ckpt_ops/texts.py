"""Columns of text: each value once, and for each row which one.

A row of text in an array of objects takes 60 bytes and more, and is handed to TensorFlow value by value. As a
code it takes four, and TensorFlow itself looks the value up.

A `TextColumn` is used like an array of objects: it has rows, a shape, a dtype, gives a column back for some
of its rows, and `np.asarray` makes the array.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

Array = npt.NDArray[Any]


@dataclass(frozen=True, kw_only=True, eq=False)
class TextColumn:
    """Rows of text, or of bytes.

    Attributes:
        codes: shape (rows, ...), which of `values` stands there.
        values: Arrow text or bytes without nulls; a value may stand in it more than once.
    """

    codes: npt.NDArray[Any]
    values: pa.Array

    def __len__(self) -> int:
        return len(self.codes)

    def __getitem__(self, rows: Any) -> Any:
        """The rows that an index or boolean array of shape (n,) names, or a slice, as a column; of a number,
        what stands there, as an array of objects gives it."""
        codes = self.codes[rows]
        return replace(self, codes=codes) if codes.ndim else self.values[int(codes)].as_py()

    def __iter__(self) -> Iterator[Any]:
        return iter(np.asarray(self))

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> Array:
        """An array of objects, `str` or `bytes`, of the column's shape."""
        if dtype is not None and np.dtype(dtype).kind != "O":
            return np.asarray(self.__array__(), dtype)
        known, which = self.values, self.codes
        if len(known) > self.codes.size:
            used, which = np.unique(self.codes, return_inverse=True)
            known = known.take(pa.array(used))
        values = np.empty(len(known), object)
        values[:] = known.to_pylist()
        found: Array = values[which.reshape(self.codes.shape)]
        return found

    @property
    def dtype(self) -> np.dtype[Any]:
        return np.dtype(object)

    @property
    def shape(self) -> tuple[int, ...]:
        return self.codes.shape

    @property
    def ndim(self) -> int:
        return self.codes.ndim


def text_column(column: Any) -> TextColumn | None:
    """Of an array of text or bytes, shape (rows, ...); of both, as bytes. None of any other, and of text that
    UTF-8 cannot hold."""
    if isinstance(column, TextColumn):
        return column
    if column.dtype.kind not in "OSU":
        return None
    column = np.asarray(column)
    flat = column.ravel()
    if column.dtype.kind == "O" and not all(isinstance(one, str | bytes) for one in flat):
        return None
    try:
        encoded = _arrow(flat).dictionary_encode()
    except (pa.ArrowException, UnicodeEncodeError):
        return None
    return TextColumn(
        codes=encoded.indices.to_numpy(zero_copy_only=False).reshape(column.shape), values=encoded.dictionary
    )


def _arrow(flat: Array) -> pa.Array:
    if flat.dtype.kind != "O":
        return pa.array(
            flat.astype(object), pa.large_string() if flat.dtype.kind == "U" else pa.large_binary()
        )
    has_bytes = any(isinstance(one, bytes) for one in flat)
    return pa.array(flat, pa.large_binary() if has_bytes else pa.large_string())
