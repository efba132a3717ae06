"""Rows: the same each time, of one schema and of the declared types, in bounded memory, part by part."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime

import pyarrow as pa
import pyarrow.compute as pc

from ckpt_ops.belonging import instant
from ckpt_ops.column_times import absent, in_words
from ckpt_ops.contract.check import Broken
from ckpt_ops.slices import PartedSource, SliceSource, worth_sharing
from ckpt_ops.slices.content import ContentHash
from ckpt_ops.slices.declared import check_column_times, columns_of, declared_at, times_of
from ckpt_ops.slices.joining import one_after_the_other
from ckpt_ops.validation import Severity, TableRows, misfits_of, schema_drift

MOST_MEMORY = 256 * 2**20
"""Bytes of Arrow memory that reading may take, whatever the slice's size."""


@dataclass(kw_only=True)
class Reading:
    """The result of one reading of a slice.

    Attributes:
        schema: of the first batch; `odd` is the first that differs.
        content: of all rows in order, as long as they have one schema.
        size: bytes of all batches in memory.
        peak: the most bytes of Arrow memory above what was taken before, at any moment that was seen.
        times: by column of timestamps or dates that has a value, its first and its last, in UTC.
        misfits: by column whose values decide, the first value that is not of the declared type.
    """

    schema: pa.Schema | None = None
    odd: pa.Schema | None = None
    rows: int = 0
    batches: int = 0
    size: int = 0
    peak: int = 0
    content: str = ""
    times: dict[str, tuple[datetime, datetime]] = field(default_factory=dict)
    misfits: dict[str, pa.Scalar] = field(default_factory=dict)

    def note_times(self, batch: pa.RecordBatch) -> None:
        """Widen `times` by a batch."""
        for name, column in zip(batch.schema.names, batch.columns, strict=True):
            if not (pa.types.is_timestamp(column.type) or pa.types.is_date(column.type)):
                continue
            ends = pc.min_max(column).as_py()
            if ends["min"] is not None:
                here = instant(ends["min"]), instant(ends["max"])
                known = self.times.get(name, here)
                self.times[name] = min(known[0], here[0]), max(known[1], here[1])


def read(batches: Iterator[pa.RecordBatch], declared: pa.Schema | None = None) -> Reading:
    """Read to the end, holding one batch at a time."""
    found, content = Reading(), ContentHash()
    before, highest = pa.total_allocated_bytes(), pa.default_memory_pool().max_memory()
    for batch in batches:
        schema = batch.schema.remove_metadata()
        if found.schema is None:
            found.schema = schema
        elif schema != found.schema and found.odd is None:
            found.odd = schema
        if found.odd is None:
            content.update(batch)
            batch_misfits = misfits_of(
                TableRows(table=pa.Table.from_batches([batch])), declared or pa.schema([])
            )
            found.misfits = batch_misfits | found.misfits
        found.note_times(batch)
        found.rows += batch.num_rows
        found.batches += 1
        found.size += batch.nbytes
        found.peak = max(found.peak, pa.total_allocated_bytes() - before)
    # The pool's own high-water mark sees what happened between batches; it only tells when it rose.
    if pa.default_memory_pool().max_memory() > highest:
        found.peak = max(found.peak, pa.default_memory_pool().max_memory() - before)
    found.content = content.hexdigest()
    return found


@dataclass(kw_only=True)
class Readings:
    """Readings by key; each key is read once for all checks, and once more to compare."""

    source: SliceSource
    keys: Sequence[str]
    _first: dict[str, Reading] = field(default_factory=dict)

    def first(self, key: str) -> Reading:
        """The first reading of a key."""
        if key not in self._first:
            self._first[key] = read(iter(self.source.read(key)), declared_at(self.source, key))
        return self._first[key]

    def fingerprint_is_stable(self) -> str:
        """It is asked for before and after reading."""
        for key in self.keys:
            before = self.source.fingerprint(key)
            if not isinstance(before, str) or not before:
                raise Broken(f"the fingerprint of {key} is {before!r}: it must be text that is not empty")
            self.first(key)
            after = self.source.fingerprint(key)
            if before != after:
                raise Broken(
                    f"the fingerprint of {key} was {before} and is {after} after reading: it must change "
                    "only when the content is rewritten"
                )
        return f"the same before and after reading: {', '.join(self.keys)}"

    def same_twice(self) -> str:
        """A second reading gives the same rows in the same order."""
        for key in self.keys:
            first, again = self.first(key), read(iter(self.source.read(key)))
            if first.rows != again.rows:
                raise Broken(f"slice {key} has {first.rows:,} rows, and {again.rows:,} when read again")
            if first.content != again.content:
                raise Broken(
                    f"slice {key} has different rows, or a different order, when it is read again: "
                    "order them by something that tells rows apart"
                )
        rows = sum(self.first(key).rows for key in self.keys)
        return f"{rows:,} rows of {', '.join(self.keys)}"

    def one_schema(self) -> str:
        """All batches of a slice have the same columns."""
        for key in self.keys:
            first = self.first(key)
            if first.schema is None:
                raise Broken(f"slice {key} gave no batch: yield one without rows, to give the columns")
            if first.odd is not None:
                differ = {str(one) for one in first.schema} ^ {str(one) for one in first.odd}
                columns = ", ".join(sorted(differ)) or "their order"
                raise Broken(f"slice {key} came in batches of different schemas: {columns}")
        return f"{sum(self.first(key).batches for key in self.keys):,} batches"

    def types_fit(self) -> str:
        """The columns fit the declared schema, by the rules of validation."""
        declared, notes = self.source.schema, []
        for key in self.keys:
            first = self.first(key)
            found = first.schema
            if found is None:
                continue
            columns = columns_of(self.source, key)
            for reason in schema_drift(declared, found, first.misfits, columns=columns):
                if reason.severity is Severity.CRITICAL:
                    raise Broken(f"slice {key}: {reason.message}; fix the data, or the declared schema")
                notes.append(reason.message)
        return "; ".join([f"{len(declared.names)} declared columns came as declared", *dict.fromkeys(notes)])

    def columns_have_times(self) -> str:
        """The declared times can be kept: names, keys and defaults. Says which slices lack a column."""
        check_column_times(self.source)
        found = []
        for key in self.keys:
            without = absent(columns_of(self.source, key))
            found += [f"{name} = {column.shown} in {key}" for name, column in without.items()]
        times = ", ".join(f"{name} {in_words(time)}" for name, time in times_of(self.source).items())
        return "; ".join([times, *found])

    def memory_is_bounded(self, most: int) -> str:
        """Arrow's memory while reading, beside the slice's own size."""
        peak = max(self.first(key).peak for key in self.keys)
        size = max(self.first(key).size for key in self.keys)
        if peak > most:
            raise Broken(
                f"reading {_megabytes(size)} took {_megabytes(peak)} of memory, at most {_megabytes(most)} "
                "are allowed whatever the slice's size: yield batch after batch, and hold none"
            )
        small = "" if size > most else "; a larger slice would tell more"
        return f"{_megabytes(peak)} for a slice of {_megabytes(size)}, {_megabytes(most)} are allowed{small}"

    def parts_agree(self) -> str:
        """The parts' rows, one part after the other, are the slice's."""
        source, counted = self.source, 0
        if not isinstance(source, PartedSource):
            raise Broken("it has parts() but no read_part(): its parts are never read")
        for key in self.keys:
            parts = source.parts(key)
            if not parts:
                raise Broken(f"parts({key!r}) is empty: an existing slice has at least one part")
            if list(source.parts(key).items()) != list(parts.items()):
                raise Broken(f"called twice, parts({key!r}) gives different parts, or a different order")
            if len(parts) > 1 and not worth_sharing(source):
                raise Broken(
                    f"slice {key} has {len(parts)} parts, but several is False: set it True, or give one part"
                )
            counted += len(parts)
            readers = {part: functools.partial(source.read_part, key, part) for part in parts}
            whole = read(one_after_the_other(readers, of=f"slice {key}"))
            first = self.first(key)
            if (whole.rows, whole.content) != (first.rows, first.content):
                raise Broken(
                    f"slice {key} has {first.rows:,} rows by read() and {whole.rows:,} by its {len(parts)} "
                    "parts in order, or different ones: read() must give the parts' rows one after the other"
                )
        return f"{counted} parts of {len(self.keys)} slices"

    def changes_with_content(self, key: str, change: Callable[[], object]) -> str:
        """`change` writes the slice's content again, with other rows."""
        before, rows = self.source.fingerprint(key), read(iter(self.source.read(key)))
        change()
        after, others = self.source.fingerprint(key), read(iter(self.source.read(key)))
        if rows.content == others.content:
            raise Broken(f"slice {key} reads the same after it was changed")
        if before == after:
            raise Broken(
                f"the fingerprint of {key} is still {before}, but its rows changed: a correction would "
                "never be pulled"
            )
        return f"{key}: {before}, then {after}"


def _megabytes(size: int) -> str:
    return f"{size / 1e6:,.1f} MB"
