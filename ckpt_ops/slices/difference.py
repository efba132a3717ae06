"""What differs between two revisions of a slice: columns, and rows whatever their order."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
from blake3 import blake3

from ckpt_ops.printable import one_line
from ckpt_ops.slices.manifest import Column, SliceManifest
from ckpt_ops.slices.reading import StagedSlice

EXAMPLES = 5


@dataclass(frozen=True, kw_only=True)
class ColumnChange:
    """A column that differs between the two; `was` or `now` is "" where it is missing."""

    name: str
    was: str
    now: str

    @property
    def message(self) -> str:
        """`word is gone`, `n is new (int64)`, `n was int64, is double`."""
        name = one_line(self.name)
        if not self.now:
            return f"{name} is gone"
        return f"{name} was {self.was}, is {self.now}" if self.was else f"{name} is new ({self.now})"


@dataclass(frozen=True, kw_only=True)
class RowChange:
    """Rows by the values of the columns that both have in the same type.

    Attributes:
        compared: those columns.
        gone, new: how many rows only the former has, and only the latter. A row that changed counts in both.
        examples_gone, examples_new: the first of them.
    """

    compared: tuple[str, ...]
    gone: int
    new: int
    examples_gone: tuple[dict[str, Any], ...]
    examples_new: tuple[dict[str, Any], ...]


def column_changes(was: Sequence[Column], now: Sequence[Column]) -> list[ColumnChange]:
    """In the order of `was`, then of `now`. Nullability and order do not count."""
    before, after = ({one.name: one.type for one in columns} for columns in (was, now))
    return [
        ColumnChange(name=name, was=before.get(name, ""), now=after.get(name, ""))
        for name in dict.fromkeys([*before, *after])
        if before.get(name) != after.get(name)
    ]


def describe(was: SliceManifest, now: SliceManifest) -> str:
    """`-2,431 rows; column word is gone`, by the manifests alone: no row is read."""
    rows = now.rows - was.rows
    parts = [f"{rows:+,} row{'' if abs(rows) == 1 else 's'}" if rows else f"{now.rows:,} rows, as before"]
    parts += [f"column {change.message}" for change in column_changes(was.columns, now.columns)]
    return "; ".join(parts)


def row_changes(was: StagedSlice, now: StagedSlice) -> RowChange:
    """Which rows differ, as a multiset. In memory: 16 bytes a row of either, and a row group."""
    compared = tuple(
        field.name
        for field in was.schema
        if field.name in now.schema.names and now.schema.field(field.name).type == field.type
    )
    before, after = (
        np.concatenate([np.empty(0, np.uint64), *(hashes for _, hashes in _hashed(rows, compared))])
        for rows in (was, now)
    )
    gone, new = _surplus(before, after), _surplus(after, before)
    return RowChange(
        compared=compared,
        gone=sum(gone.values()),
        new=sum(new.values()),
        examples_gone=_examples(was, compared, gone),
        examples_new=_examples(now, compared, new),
    )


def _surplus(these: npt.NDArray[np.uint64], others: npt.NDArray[np.uint64]) -> dict[int, int]:
    """By hash, how many more times it is in `these` than in `others`."""
    values, counts = np.unique(these, return_counts=True)
    theirs, their_counts = np.unique(others, return_counts=True)
    at = np.searchsorted(theirs, values)
    there = at < len(theirs)
    there[there] = theirs[at[there]] == values[there]
    counts = counts.astype(np.int64)
    counts[there] -= their_counts[at[there]]
    return {int(value): int(count) for value, count in zip(values, counts, strict=True) if count > 0}


def _examples(
    rows: StagedSlice, columns: Sequence[str], surplus: dict[int, int]
) -> tuple[dict[str, Any], ...]:
    found: list[dict[str, Any]] = []
    if not surplus:
        return ()
    for batch, hashes in _hashed(rows, columns):
        for at in np.flatnonzero(np.isin(hashes, np.fromiter(surplus, np.uint64, len(surplus)))):
            found += batch.slice(int(at), 1).to_pylist()
            if len(found) == EXAMPLES:
                return tuple(found)
    return tuple(found)


def _hashed(
    rows: StagedSlice, columns: Sequence[str]
) -> Iterator[tuple[pa.RecordBatch, npt.NDArray[np.uint64]]]:
    """A row group at a time, with a hash of each row; shape (rows,)."""
    for batch in rows.batches(list(columns)) if columns else ():
        texts = zip(*(map(repr, column.to_pylist()) for column in batch.columns), strict=True)
        digests = b"".join(
            blake3("\x1f".join(row).encode("utf-8", "surrogatepass")).digest(8) for row in texts
        )
        yield batch, np.frombuffer(digests, np.uint64)
