"""What a manifest may say: every number in it by which memory is taken, filled or written to.

A manifest is bytes in a store that others can write to. Restoring takes as much memory as it says and puts
the content of chunks where it says, at raw addresses. So no manifest is used before it is sound, and later
code need not check again: a tensor has as many bytes as its shape, tensors follow one another in their
segment, chunks add up to just that, and row deltas change rows that exist.

The content of chunks is checked where they are read: `restore`.
"""

from __future__ import annotations

import math
import re
from typing import TYPE_CHECKING, Any

import ml_dtypes
import numpy as np

from ckpt_ops.checkpoints.chunks import CHUNK_BYTES
from ckpt_ops.documents import BadDocument

if TYPE_CHECKING:
    from ckpt_ops.checkpoints.manifest import Manifest, RowDelta, Segment, TensorEntry

ROW_NUMBER = np.dtype("<u4")
"""The type of row numbers in a delta."""

DIMENSIONS = 64  # numpy's own bound
_LARGEST = 2**63
_DIGEST = re.compile("[0-9a-f]{64}")

_OF_NUMPY = (
    "bool",
    *(f"{sign}int{bits}" for sign in ("", "u") for bits in (8, 16, 32, 64)),
    *("float16", "float32", "float64", "complex64", "complex128"),
)
_OF_TENSORFLOW = (
    *("bfloat16", "float8_e5m2", "float8_e4m3fn", "float8_e4m3fnuz", "float8_e4m3b11fnuz", "float8_e5m2fnuz"),
    *("float4_e2m1fn", "int2", "int4", "uint2", "uint4"),
)
DTYPES: dict[str, np.dtype[Any]] = {
    **{name: np.dtype(name) for name in _OF_NUMPY},
    **{name: np.dtype(getattr(ml_dtypes, name)) for name in _OF_TENSORFLOW},
}
"""By numpy's name, the dtypes of a tensor: numbers of a fixed size. Text has no fixed size."""


def check(manifest: Manifest) -> None:
    """Raises `BadDocument` naming what is wrong, and where."""
    for field in ("version", "step"):
        if getattr(manifest, field) < 0:
            raise BadDocument(f"{field} is {getattr(manifest, field)}, not at least 0")
    for key, at in manifest.cursor.items():
        if isinstance(at, list | dict):
            raise BadDocument(f"cursor.{key} is not a single value")
    seen: set[str] = set()
    for number, segment in enumerate(manifest.segments):
        where = f"segments[{number}]"
        _check_segment(segment, where)
        for entry in segment.tensors:
            if entry.name in seen:
                raise BadDocument(f"{where} holds {entry.name!r} a second time")
            seen.add(entry.name)


def payload_bytes(delta: RowDelta, entry: TensorEntry) -> int:
    """How many bytes a delta of `entry` is: the numbers of its rows, then the rows."""
    return delta.rows * (ROW_NUMBER.itemsize + entry.nbytes // entry.shape[0])


def _check_segment(segment: Segment, where: str) -> None:
    if not segment.tensors:
        raise BadDocument(f"{where} holds no tensor")
    offset = 0
    for entry in segment.tensors:
        _check_tensor(entry, where)
        if entry.offset != offset:
            raise BadDocument(f"{where}: {entry.name!r} begins at {entry.offset}, not at {offset}")
        offset += entry.nbytes
    _check_chunks(segment.chunks, offset, where)
    if segment.deltas and len(segment.tensors) > 1:
        raise BadDocument(f"{where} has row deltas and {len(segment.tensors)} tensors, not one")
    for number, delta in enumerate(segment.deltas):
        _check_delta(delta, segment.tensors[0], f"{where}.deltas[{number}]")


def _check_tensor(entry: TensorEntry, where: str) -> None:
    what = f"{where}: {entry.name!r}"
    if entry.dtype not in DTYPES:
        raise BadDocument(f"{what} has dtype {entry.dtype!r}, which is not a type of numbers")
    shape = f"shape {list(entry.shape)[:8]}{'...' if len(entry.shape) > 8 else ''}"
    if any(size < 0 for size in entry.shape) or len(entry.shape) > DIMENSIONS:
        raise BadDocument(f"{what} has {shape}, not up to {DIMENSIONS} sizes of at least 0")
    itemsize = DTYPES[entry.dtype].itemsize
    # numpy multiplies the sizes that are not 0, even for a tensor without values
    if math.prod(max(1, size) for size in entry.shape) * itemsize >= _LARGEST:
        raise BadDocument(f"{what} has {shape}, which no memory could hold")
    nbytes = math.prod(entry.shape) * itemsize
    if entry.nbytes != nbytes:
        raise BadDocument(f"{what} has {entry.nbytes} bytes; {entry.dtype} of {shape} has {nbytes}")


def _check_delta(delta: RowDelta, entry: TensorEntry, where: str) -> None:
    table = entry.shape[0] if entry.shape and entry.nbytes else 0
    if not 1 <= delta.rows <= table <= 2**32:
        raise BadDocument(f"{where} changes {delta.rows} rows of {entry.name!r}, which has {table}")
    _check_chunks(delta.chunks, payload_bytes(delta, entry), where)


def _check_chunks(chunks: tuple[str, ...], nbytes: int, where: str) -> None:
    needed = -(-nbytes // CHUNK_BYTES)
    if len(chunks) != needed:
        raise BadDocument(f"{where} has {len(chunks)} chunks; {nbytes} bytes need {needed}")
    for chunk in chunks:
        if not _DIGEST.fullmatch(chunk):
            raise BadDocument(
                f"{where} has a chunk {chunk[:70]!r}, which is not a blake3 hash of 64 hex digits"
            )
