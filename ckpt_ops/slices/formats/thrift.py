"""Structs in Thrift's compact protocol, as Parquet's footers and page headers are, read as plain values.

pyarrow ends the process when it is asked for a column of a damaged footer; this raises `BadThrift`. Each
value costs bytes of the input, so work and memory are bounded by its length.
"""

from __future__ import annotations

from typing import Any, TypeAlias

Struct: TypeAlias = dict[int, Any]
"""Values by field id: whole numbers, bytes, booleans, lists, and structs. Doubles and maps are left out."""

_MOST_DEEP = 16
_TRUE, _FALSE = 1, 2


class BadThrift(ValueError):
    """Bytes that are no struct, or end before it does."""


def read_struct(data: bytes) -> Struct:
    """The struct that `data` begins with. Raises `BadThrift`."""
    return _Reader(data).struct(0)


class _Reader:
    def __init__(self, data: bytes) -> None:
        self._data, self._at = data, 0

    def struct(self, depth: int) -> Struct:
        if depth > _MOST_DEEP:
            raise BadThrift("structs within structs")
        found: Struct = {}
        field = 0
        while kind := (head := self._byte()) & 0x0F:
            field = field + (head >> 4) if head >> 4 else self._number()
            value = kind == _TRUE if kind in (_TRUE, _FALSE) else self._value(kind, depth)
            if value is not None:
                found[field] = value
        return found

    def _value(self, kind: int, depth: int) -> Any:
        match kind:
            case 1 | 2 | 3:  # of a list; a field has a boolean in its head
                return self._byte()
            case 4 | 5 | 6:
                return self._number()
            case 7:
                self._bytes(8)
                return None
            case 8:
                return self._bytes(self._varint())
            case 9 | 10:
                return self._list(depth + 1)
            case 12:
                return self.struct(depth + 1)
        raise BadThrift(f"a value of type {kind}")  # Parquet has no maps

    def _list(self, depth: int) -> list[Any]:
        if depth > _MOST_DEEP:
            raise BadThrift("lists within lists")
        head = self._byte()
        size = self._varint() if head >> 4 == 0x0F else head >> 4
        if size > len(self._data) - self._at:
            raise BadThrift("a list that is longer than the input")
        return [self._value(head & 0x0F, depth) for _ in range(size)]

    def _number(self) -> int:
        found = self._varint()
        return (found >> 1) ^ -(found & 1)

    def _varint(self) -> int:
        found = 0
        for shift in range(0, 70, 7):
            byte = self._byte()
            found |= (byte & 0x7F) << shift
            if byte < 0x80:
                return found
        raise BadThrift("a number without an end")

    def _byte(self) -> int:
        return self._bytes(1)[0]

    def _bytes(self, length: int) -> bytes:
        found = self._data[self._at : self._at + length]
        if len(found) < length:
            raise BadThrift("it ends before its struct does")
        self._at += length
        return found
