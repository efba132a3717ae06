"""The rows of another source that have one value in one column: a share of data that lands together."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from ckpt_ops.column_times import ColumnTimes
from ckpt_ops.errors import UNTOUCHED, BadInput, SliceUnreadable
from ckpt_ops.printable import first_few
from ckpt_ops.slices.declared import times_of
from ckpt_ops.slices.identity import check_key
from ckpt_ops.slices.parts import WHOLE, worth_sharing
from ckpt_ops.slices.source import PartedSource, SliceSource


@dataclass(frozen=True, kw_only=True)
class RowsWhere:
    """A `PartedSource`: the slices of `source`, and of each only the rows whose `column` is `value`.

    * `keys`, `fingerprint`, `parts`: those of the source. A change of other rows changes them, too; the
      content, and so the revision, stays the same then.
    * `read`: reads what the source reads, and keeps the rows. A slice without such a row is empty: what
      becomes of it, `empty_slices` of the pipeline says. A row of a text file that does not parse could be
      anybody's, so it refuses the slice.

    A source that can be asked for the rows itself reads less: `Files(template=...)` of a file for each value,
    or a view of a database.

    Attributes:
        name: the source's name in the store and the log; its own, as its slices are other slices.
        source: where the rows come from; anything with the methods of a source.
        column: a declared column that every slice has.
        value: text, a whole number or a bool, as the column has it.
    """

    name: str
    source: SliceSource
    column: str
    value: str | int

    def __post_init__(self) -> None:
        check_key(self.name, field="source name")
        if self.name == self.source.name:
            raise BadInput(
                "name", self.name, f"a name other than that of {type(self.source).__name__} itself"
            )
        names = self.schema.names
        if self.column not in names or self.column in times_of(self.source):
            always = [name for name in names if name not in times_of(self.source)]
            raise BadInput(
                "column",
                self.column,
                f"a column that every slice of {self.source.name} has: {', '.join(always)}",
            )
        kind = self.schema.field(self.column).type
        if not _fits(self.value, kind):
            raise BadInput("value", self.value, f"a value of column {self.column}, which is {kind}")

    @property
    def schema(self) -> pa.Schema:
        """That of the source."""
        return self.source.schema

    @property
    def column_times(self) -> ColumnTimes:
        """Those of the source."""
        return times_of(self.source)

    @property
    def key_format(self) -> str | None:
        """That of the source, where it has one."""
        return getattr(self.source, "key_format", None)

    @property
    def period(self) -> Any:
        """That of the source, where it has one."""
        return getattr(self.source, "period", None)

    @property
    def cheap_fingerprint(self) -> bool:
        """As the source says."""
        return bool(getattr(self.source, "cheap_fingerprint", True))

    @property
    def several(self) -> bool:
        """A slice may have several parts."""
        return worth_sharing(self.source)

    def keys(self, start: datetime, end: datetime) -> list[str]:
        """Those of the source, also of slices without such a row."""
        return self.source.keys(start, end)

    def fingerprint(self, key: str) -> str:
        """That of the source."""
        return self.source.fingerprint(key)

    def parts(self, key: str) -> dict[str, str]:
        """Those of the source; one, where it tells no parts apart."""
        if isinstance(self.source, PartedSource):
            return self.source.parts(key)
        return {WHOLE: self.source.fingerprint(key)}

    def read(self, key: str) -> Iterator[pa.RecordBatch]:
        """The rows. Raises as the source; `SliceUnreadable`: the column is missing, or of another type."""
        return self._kept(key, self.source.read(key))

    def read_part(self, key: str, part: str) -> Iterator[pa.RecordBatch]:
        """One part's rows. Raises as `read`."""
        if isinstance(self.source, PartedSource):
            return self._kept(key, self.source.read_part(key, part))
        return self.read(key)

    def _kept(self, key: str, batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        first = True
        for batch in batches:
            kept = batch.filter(self._mask(key, batch))
            if kept.num_rows or first:  # the first says which columns there are
                yield kept
            first = False

    def _mask(self, key: str, batch: pa.RecordBatch) -> pa.Array:
        found = batch.schema.names.count(self.column)
        kind = batch.schema.field(self.column).type if found == 1 else None
        if kind is None or not _fits(self.value, kind):
            what = f"it is {kind}" if kind is not None else f"columns: {first_few(batch.schema.names, 8)}"
            raise SliceUnreadable(
                f"slice {key} of source {self.source.name!r} cannot be shared out by column {self.column!r}, "
                f"whose values are compared with {self.value!r}: {what}",
                safe=UNTOUCHED,
                next=f"deliver the slice with {self.column!r} as it is declared",
            )
        return pc.equal(batch.column(self.column), self.value)


def _fits(value: object, kind: pa.DataType) -> bool:
    """Whether a column of this type may have the value. Arrow would know, and loads pandas for it."""
    kind = kind.value_type if pa.types.is_dictionary(kind) else kind
    if pa.types.is_boolean(kind) or isinstance(value, bool):
        return pa.types.is_boolean(kind) and isinstance(value, bool)
    if pa.types.is_integer(kind):
        return isinstance(value, int)
    return (pa.types.is_string(kind) or pa.types.is_large_string(kind)) and isinstance(value, str)
