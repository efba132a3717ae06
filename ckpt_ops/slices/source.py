"""What a source of slices answers: which keys, has it changed, the rows."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import Protocol, runtime_checkable

import pyarrow as pa

from ckpt_ops.slices.unread import Unread


@runtime_checkable
class SliceSource(Protocol):
    """Where slices come from. Implement this to bring your own; four answers and a name.

    A source reads; it never writes. Building one must be cheap (a DAG file does it on every parse):
    connect in the methods, not in the constructor. Errors of the place it reads from pass through
    as they are: `BucketNotFound`, `StoreForbidden`, `StoreUnavailable`.
    """

    @property
    def name(self) -> str:
        """Names the source in the store and the log for good: letters, digits, '-', '_', '.'."""
        ...

    @property
    def schema(self) -> pa.Schema:
        """The columns the pipeline was written for. Validation checks slices against them.

        A column that came or went with a slice is declared by an attribute `column_times`, beside this one:
        `{"weather": Since("2013-02-01", default="none")}`. `read` need not give it elsewhere; readers see
        its default there.
        """
        ...

    def keys(self, start: datetime, end: datetime) -> list[str]:
        """The keys that exist now for the interval from `start` up to but without `end`, in time order.

        Empty when nothing has arrived. Aware times are converted to UTC, naive ones are UTC already. A DAG of
        another time zone asks by what its clocks show, as if that were UTC: a key is read by its clocks.
        """
        ...

    def fingerprint(self, key: str) -> str:
        """Changes whenever the key's content is rewritten. Cheap: it reads no rows.

        Equal fingerprints mean equal content. Unequal ones may still: that is what revisions are for.
        A source whose fingerprint is expensive may say so by an attribute `cheap_fingerprint = False`: then
        runs do not look whether slices that were consumed have changed since.
        Raises `SliceMissing` when the source has no such slice (yet), and `BadInput` when it can tell
        from the key alone that there will never be one, so that nobody waits for it.
        """
        ...

    def read(self, key: str) -> Iterator[pa.RecordBatch]:
        """The rows, in an order that is the same each time, in batches of one schema.

        Columns come as they are, missing, extra or wrongly typed: validation evaluates them. Memory is
        bounded by the batch, not by the slice. Raises `SliceMissing`, and `SliceUnreadable` when the
        bytes are not what the source says they are, before or between batches.
        """
        ...


@runtime_checkable
class PartedSource(SliceSource, Protocol):
    """A source whose slices come in several parts, such as files, that are read side by side.

    `read(key)` gives the rows of the parts one after the other, and `fingerprint(key)` changes when
    a part comes, goes or changes. One whose slices always have a single part may say so by an attribute
    `several = False`: then a DAG has no tasks to share parts out.
    """

    def parts(self, key: str) -> dict[str, str]:
        """By part, its fingerprint; in the order of their rows. Raises as `fingerprint` does."""
        ...

    def read_part(self, key: str, part: str) -> Iterator[pa.RecordBatch]:
        """One part's rows, as `read` gives them. A part without rows gives no batch, or empty ones."""
        ...


@runtime_checkable
class SparingSource(PartedSource, Protocol):
    """A source of text that can leave out rows that do not parse, rather than refuse a part for one."""

    def read_sparing(self, key: str, part: str, unread: Unread) -> Iterator[pa.RecordBatch]:
        """As `read_part`, but `unread` takes the rows that do not parse. `SliceUnreadable` when most are."""
        ...
