"""From a snapshot to segments: only what changed since the previous save.

Three cases, by tensor:

* small ones are packed together into one segment;
* a large one is a segment of its own, written whole;
* a large **table** (two dimensions or more) of which at most half the rows changed since the previous
  save is that save's segment with one more **row delta**: the changed rows and their numbers.

Changed rows are found by comparing bytes with the held tensor of the previous save, not by trusting an
optimizer. A table that was not written at all since then is the very same buffer, which costs nothing
to see. A table that changes densely is neither held nor compared again.

A segment lists its whole chain, so a manifest can be read without any other manifest, and dropping one
takes nothing from the next. A chain ends, and the table is written whole, after
`CHAIN` deltas or when they weigh more than half of it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from ckpt_ops.checkpoints.capture import Snapshot
from ckpt_ops.checkpoints.manifest import Manifest, RowDelta, Segment, TensorEntry
from ckpt_ops.checkpoints.sound import DTYPES, ROW_NUMBER
from ckpt_ops.errors import Corrupt, ModelCodeError
from ckpt_ops.store.content import chunk_name

LARGE = 1024 * 1024
CHAIN = 8
_BLOCK_BYTES = 1024 * 1024
_PROBED_ROWS = 64

Array = npt.NDArray[Any]
Put = Callable[[memoryview], tuple[str, ...]]


@dataclass(frozen=True, kw_only=True)
class Held:
    """A table as the last save wrote it: its values, and the segment that holds them."""

    array: Array
    segment: Segment


@dataclass(frozen=True, kw_only=True)
class Encoded:
    """A snapshot as segments.

    Attributes:
        tables: by name, what the next save may be a delta to.
        dense: tables that changed in more than half of their rows.
    """

    segments: tuple[Segment, ...] = ()
    tables: Mapping[str, Held] = field(default_factory=dict)
    dense: frozenset[str] = frozenset()

    @property
    def chunks(self) -> frozenset[str]:
        return frozenset(chunk for segment in self.segments for chunk in segment.all_chunks)


def encode(snapshot: Snapshot, before: Encoded, put: Put, *, large: int = LARGE) -> Encoded:
    """The segments of `snapshot`, given those of the previous save.

    Args:
        put: stores a buffer that will not change and names its chunks.
        large: tensors of at least this many bytes have a segment of their own.
    """
    segments: list[Segment] = []
    tables: dict[str, Held] = {}
    dense = set(before.dense)
    small: dict[str, Array] = {}
    for name, tensor in snapshot.tensors.items():
        # np.ascontiguousarray would make a scalar 1-d
        array = np.asarray(tensor, order="C")
        if array.nbytes < large:
            small[name] = array
            continue
        segment, is_dense = _large(name, array, before.tables.get(name), put)
        segments.append(segment)
        if is_dense:
            dense.add(name)
        elif array.ndim > 1 and name not in dense:
            tables[name] = Held(array=array, segment=segment)
    if small:
        packed = b"".join(array.tobytes() for array in small.values())
        segments.append(Segment(chunks=put(memoryview(packed)), tensors=_entries(small)))
    return Encoded(segments=tuple(segments), tables=tables, dense=frozenset(dense))


def restored(manifest: Manifest, snapshot: Snapshot) -> Encoded:
    """What the next save may be a delta to, after `manifest` was restored into what `snapshot` holds."""
    tables = {}
    for segment in manifest.segments:
        if len(segment.tensors) == 1 and len(segment.tensors[0].shape) > 1:
            name = segment.tensors[0].name
            array = np.asarray(snapshot.tensors[name], order="C")
            tables[name] = Held(array=array, segment=segment)
    return Encoded(segments=manifest.segments, tables=tables)


def changed_rows(old: Array, new: Array) -> npt.NDArray[np.uint32] | None:
    """Numbers of the rows whose bytes differ, ascending; None when more than half of the rows do."""
    one, other = _as_integers(old), _as_integers(new)
    rows, limit = len(one), len(one) // 2
    probe = np.linspace(0, rows - 1, min(rows, _PROBED_ROWS)).astype(np.int64)
    if (one[probe] != other[probe]).any(axis=1).sum() > len(probe) // 2 + 1:
        return None
    block = max(1, _BLOCK_BYTES // max(1, one.shape[1] * one.itemsize))
    found, count = [], 0
    for start in range(0, rows, block):
        inside = np.flatnonzero((one[start : start + block] != other[start : start + block]).any(axis=1))
        count += len(inside)
        if count > limit:
            return None
        found.append((inside + start).astype(np.uint32))
    return np.concatenate(found)


def apply_delta(array: Array, delta: RowDelta, payload: bytes | memoryview) -> None:
    """Set the rows of `array` that `delta` changed; `payload` is its row numbers, then their bytes.

    Raises:
        Corrupt: the payload has the wrong size, or its row numbers are not ascending or not in the table.
    """
    width = array.nbytes // max(1, len(array))
    if len(payload) != delta.rows * (ROW_NUMBER.itemsize + width):
        raise _no_delta(
            delta, f"{len(payload)} bytes do not hold {delta.rows} rows of {width} bytes and their numbers"
        )
    numbers = np.frombuffer(payload, ROW_NUMBER, count=delta.rows)
    if (numbers[1:] <= numbers[:-1]).any() or (numbers >= len(array)).any():
        raise _no_delta(delta, f"its row numbers are not ascending, or exceed the table's {len(array)} rows")
    rows = np.frombuffer(payload, array.dtype, offset=numbers.nbytes)
    array[numbers] = rows.reshape(delta.rows, *array.shape[1:])


def _no_delta(delta: RowDelta, why: str) -> Corrupt:
    names = ", ".join(map(chunk_name, delta.chunks[:1]))
    return Corrupt(
        f"the row delta in {names} does not fit its table: {why}",
        safe="no other checkpoint was touched; nothing was restored",
        next="restore the manifest that names it from a replica, or resume from an earlier checkpoint",
    )


def _large(name: str, array: Array, held: Held | None, put: Put) -> tuple[Segment, bool]:
    """The segment of a large tensor, and whether it turned out to change densely."""
    changed = None
    if held is not None and (held.array.shape, held.array.dtype) == (array.shape, array.dtype):
        if _same_buffer(held.array, array):
            return held.segment, False
        changed = changed_rows(held.array, array)
        if changed is not None and len(changed) == 0:
            return held.segment, False
        if changed is not None and _may_grow(held.segment, array, len(changed)):
            delta = RowDelta(chunks=put(_payload(array, changed)), rows=len(changed))
            return replace(held.segment, deltas=(*held.segment.deltas, delta)), False
    whole = Segment(chunks=put(array.reshape(-1).view(np.uint8).data), tensors=_entries({name: array}))
    return whole, held is not None and changed is None


def _may_grow(segment: Segment, array: Array, rows: int) -> bool:
    weight = sum(delta.rows for delta in segment.deltas) + rows
    return len(segment.deltas) < CHAIN and 2 * weight <= len(array)


def _payload(array: Array, rows: npt.NDArray[np.uint32]) -> memoryview:
    taken = array[rows]
    return memoryview(rows.astype(ROW_NUMBER).tobytes() + taken.tobytes())


def _as_integers(array: Array) -> Array:
    """The array as rows of the widest unsigned integers that a row divides into, to compare bytes."""
    flat = array.reshape(len(array), -1)
    octets = flat.shape[1] * flat.itemsize
    width = next(width for width in (8, 4, 2, 1) if octets % width == 0)
    return flat.view(np.dtype(f"u{width}")) if octets else flat.view(np.uint8)


def _same_buffer(one: Array, other: Array) -> bool:
    return bool(one.__array_interface__["data"][0] == other.__array_interface__["data"][0])


def _entries(arrays: Mapping[str, Array]) -> tuple[TensorEntry, ...]:
    entries, offset = [], 0
    for name, array in arrays.items():
        if array.dtype.name not in DTYPES:
            raise ModelCodeError(
                f"the variable {name} has dtype {array.dtype.name}; a checkpoint holds only numbers",
                safe="nothing of this save was committed; earlier checkpoints are unchanged",
                next="keep text in the vocabulary of a lookup layer, or its codes in the variable",
            )
        entries.append(
            TensorEntry(
                name=name, dtype=array.dtype.name, shape=array.shape, offset=offset, nbytes=array.nbytes
            )
        )
        offset += array.nbytes
    return tuple(entries)
