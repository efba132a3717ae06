"""How many bytes the rows of a batch take in memory, by what grows with them.

`nbytes` of a few rows counts the whole dictionary of a column, and all buffers that its views point into:
it does not tell how many rows go into a row group.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pyarrow as pa

_VIEW = 16  # bytes of a view: its value's length in four, then the value or where it is


def row_bytes(batch: pa.RecordBatch) -> int:
    """Of all columns; of a dictionary only the indices, of views also the values that they show."""
    return sum(_bytes(column) for column in batch.columns)


def dictionary_bytes(batch: pa.RecordBatch, *, besides: pa.RecordBatch) -> int:
    """Of its dictionaries, without those that are the same object in memory as those of `besides`."""
    there = {_address(dictionary) for dictionary in _dictionaries_of(besides)}
    return sum(each.nbytes for each in _dictionaries_of(batch) if _address(each) not in there)


def _bytes(values: pa.Array) -> int:
    kind = values.type
    if pa.types.is_dictionary(kind):
        return int(values.indices.nbytes)
    if pa.types.is_string_view(kind) or pa.types.is_binary_view(kind):
        return _VIEW * len(values) + _shown_bytes(values)
    if not _shares(kind):
        return int(values.nbytes)
    return 8 * len(values) + sum(_bytes(child) for child in _children(values))


def _shown_bytes(values: pa.Array) -> int:
    views = values.buffers()[1]  # no kernel of Arrow tells the length of a view
    if views is None or not len(values):
        return 0
    lengths = np.frombuffer(views, "<i4")[4 * values.offset :: 4][: len(values)]
    shown = values.is_valid().to_numpy(zero_copy_only=False)
    return int(lengths.sum(where=shown, dtype=np.int64))


def _shares(kind: pa.DataType) -> bool:
    """Whether rows of the type share buffers that none of them fills."""
    if pa.types.is_dictionary(kind) or pa.types.is_string_view(kind) or pa.types.is_binary_view(kind):
        return True
    if isinstance(kind, pa.BaseExtensionType):
        return _shares(kind.storage_type)
    return any(_shares(kind.field(at).type) for at in range(kind.num_fields))


def _children(values: pa.Array) -> list[pa.Array]:
    if isinstance(values, pa.ExtensionArray):
        return [values.storage]
    if pa.types.is_struct(values.type):
        return [values.field(at) for at in range(values.type.num_fields)]
    if pa.types.is_fixed_size_list(values.type):
        return [values.flatten()]
    first, last = (values.offsets[at].as_py() for at in (0, len(values)))
    children = [values.keys, values.items] if pa.types.is_map(values.type) else [values.values]
    return [child.slice(first, last - first) for child in children]


def _dictionaries_of(batch: pa.RecordBatch) -> Iterator[pa.Array]:
    for column in batch.columns:
        yield from _dictionaries(column)


def _dictionaries(values: pa.Array) -> Iterator[pa.Array]:
    if pa.types.is_dictionary(values.type):
        yield values.dictionary
    elif not (pa.types.is_string_view(values.type) or pa.types.is_binary_view(values.type)):
        for child in _children(values) if _shares(values.type) else ():
            yield from _dictionaries(child)


def _address(values: pa.Array) -> tuple[int, ...]:
    return (values.offset, *(0 if buffer is None else buffer.address for buffer in values.buffers()))
