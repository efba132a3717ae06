"""A hash of rows that does not depend on how they are packed.

Each column is fed as up to three streams (which values are there, how long each is, the bytes of
those that are there), so the digest is the same wherever the batches were cut, and bytes that Arrow
leaves undefined under a null never count.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from blake3 import blake3


class ContentHash:
    """blake3 over the values of record batches of one schema, in row order."""

    def __init__(self) -> None:
        self.rows = 0
        self._streams: dict[str, blake3] = {}

    def update(self, batch: pa.RecordBatch) -> None:
        """Add rows. Dictionary-encoded columns count as their values."""
        self.rows += batch.num_rows
        for position, column in enumerate(batch.columns):
            self._column(f"{position}", column)

    def hexdigest(self) -> str:
        """64 hex digits over everything added so far."""
        whole = blake3(f"rows {self.rows}\n".encode())
        for name, stream in sorted(self._streams.items()):
            whole.update(f"{name} {stream.hexdigest()}\n".encode())
        return whole.hexdigest()

    def _feed(self, name: str, data: Any) -> None:
        self._streams.setdefault(name, blake3()).update(data)

    def _fixed(self, name: str, array: pa.Array, width: int) -> None:
        # By buffer: to_numpy() would import pandas, a second that a pull has no other use for.
        if len(array):
            start = array.offset * width
            self._feed(name, memoryview(array.buffers()[1])[start : start + len(array) * width])

    def _column(self, name: str, array: pa.Array) -> None:
        if isinstance(array.type, pa.BaseExtensionType):
            array = array.storage
        if pa.types.is_dictionary(array.type):
            array = array.dictionary_decode()
        present = array.is_valid().cast(pa.uint8())
        self._fixed(f"{name}.present", present, 1)
        if pa.types.is_null(array.type):
            return
        self._values(name, pc.drop_null(array))

    def _values(self, name: str, array: pa.Array) -> None:
        kind = array.type
        if pa.types.is_boolean(kind):
            self._fixed(name, array.cast(pa.uint8()), 1)
        elif _is_bytes(kind):
            wide = array.cast(pa.large_binary() if pa.types.is_binary(kind) else _large(kind))
            ends = np.frombuffer(wide.buffers()[1], np.int64)[wide.offset : wide.offset + len(wide) + 1]
            self._feed(f"{name}.length", np.diff(ends).tobytes())
            if len(wide) and wide.buffers()[2] is not None:
                self._feed(name, memoryview(wide.buffers()[2])[ends[0] : ends[-1]])
        elif pa.types.is_map(kind):
            pairs = pa.struct([pa.field("key", kind.key_type, nullable=False), ("value", kind.item_type)])
            self._values(name, array.cast(pa.list_(pairs)))
        elif pa.types.is_struct(kind):
            for position, child in enumerate(array.flatten()):
                self._column(f"{name}/{position}", child)
        elif pa.types.is_nested(kind) and not pa.types.is_union(kind):
            self._fixed(f"{name}.length", pc.list_value_length(array).cast(pa.int64()), 8)
            self._column(f"{name}/0", array.flatten())
        elif pa.types.is_primitive(kind) or pa.types.is_decimal(kind) or pa.types.is_fixed_size_binary(kind):
            self._fixed(name, array, kind.bit_width // 8)
        else:
            self._feed(name, repr(array.to_pylist()).encode())


def _is_bytes(kind: pa.DataType) -> bool:
    checks = (
        pa.types.is_string,
        pa.types.is_large_string,
        pa.types.is_string_view,
        pa.types.is_binary,
        pa.types.is_large_binary,
        pa.types.is_binary_view,
    )
    return any(check(kind) for check in checks)


def _large(kind: pa.DataType) -> pa.DataType:
    text = pa.types.is_string(kind) or pa.types.is_large_string(kind) or pa.types.is_string_view(kind)
    return pa.large_string() if text else pa.large_binary()
