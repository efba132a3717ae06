"""What a slice is compared with: the rows that the champion was trained on, and when it was pulled.

The caller of a validation gives a `Reference`; the expectations see it only through `Reading`, which reads
a column once in a validation and keeps a bounded part of it. Great Expectations offers no way to hand
an object to an expectation that is written in JSON, hence the context variable.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Protocol

import pyarrow as pa
import pyarrow.compute as pc

from ckpt_ops.validation.custom.findings import NotEvaluated
from ckpt_ops.validation.custom.thinning import thinned

MOST_ROWS = 1_000_000


class Reference(Protocol):
    """The rows to compare with. The code that runs a pipeline implements it over lineage and store."""

    @property
    def pulled_at(self) -> datetime:
        """When the evaluated slice was first pulled: an aware datetime."""

    @property
    def start(self) -> datetime | None:
        """The local time at which the evaluated slice begins; None: its key is not a time."""

    @property
    def slices(self) -> Sequence[str]:
        """Keys of the slices that the champion consumed, oldest first; empty before the first training.

        No revision of the evaluated slice is among them: otherwise a corrected slice would be a
        duplicate of itself.
        """

    @property
    def accepted(self) -> Sequence[str]:
        """Keys of all slices that were accepted, consumed or not, oldest first, but the evaluated one."""

    def batches(self, key: str, names: Sequence[str]) -> Iterator[pa.RecordBatch]:
        """The rows of one of `slices` or `accepted`, in the same order each time: `names`, where it has them.

        Called once for each column, so it should cost what that column costs. What it raises ends the
        validation: an unreadable reference is no finding about the slice.
        """


@dataclass(frozen=True, kw_only=True)
class MemoryReference:
    """A `Reference` over tables in memory, by key, oldest first."""

    pulled_at: datetime
    tables: Mapping[str, pa.Table] = field(default_factory=dict)
    start: datetime | None = None

    @property
    def slices(self) -> Sequence[str]:
        return tuple(self.tables)

    @property
    def accepted(self) -> Sequence[str]:
        return tuple(self.tables)

    def batches(self, key: str, names: Sequence[str]) -> Iterator[pa.RecordBatch]:
        table = self.tables[key]
        yield from table.select([name for name in names if name in table.column_names]).to_batches()


@dataclass(frozen=True, kw_only=True)
class Column:
    """A column of the reference: `values` of `kept` rows out of `rows`, which `slices` slices have."""

    values: pa.ChunkedArray
    kept: int
    rows: int
    slices: int

    @property
    def message(self) -> str:
        """For a sample: how many rows were compared, and of how many."""
        return f"{self.kept:,} of {self.all_messages}" if self.kept < self.rows else self.all_messages

    @property
    def all_messages(self) -> str:
        return f"{_many(self.rows, 'reference row')} of {_many(self.slices, 'slice')}"


class Reading:
    """One validation's reading of a reference. `last` is a number of slices, or None for all."""

    def __init__(self, reference: Reference | None, *, most_rows: int = MOST_ROWS) -> None:
        self._reference, self._most = reference, most_rows
        self._read: dict[tuple[str, str, int | None], Column] = {}
        self.failed: Exception | None = None

    @property
    def pulled_at(self) -> datetime:
        """Raises `NotEvaluated` when it is not known."""
        if self._reference is None:
            raise NotEvaluated("when the slice was pulled is not known")
        return self._reference.pulled_at

    @property
    def start(self) -> datetime:
        """Raises `NotEvaluated` when it is not known, or the slice's key is not a time."""
        if self._reference is None or self._reference.start is None:
            raise NotEvaluated("when the slice begins is not known: its key is not a time")
        return self._reference.start

    def accepted(self, last: int | None) -> tuple[str, ...]:
        """The newest accepted slices, oldest first. Raises `NotEvaluated` when none was."""
        reference = self._reference
        found = tuple(self._guarded(lambda: reference.accepted)) if reference is not None else ()
        if not found:
            raise NotEvaluated("no other slice was accepted yet")
        return found if last is None else found[-last:]

    def slices(self, last: int | None) -> tuple[str, ...]:
        """The newest slices, oldest first. Raises `NotEvaluated` when nothing was consumed."""
        reference = self._reference
        found = tuple(self._guarded(lambda: reference.slices)) if reference is not None else ()
        if not found:
            raise NotEvaluated("no reference yet: nothing was consumed")
        return found if last is None else found[-last:]

    def sample(self, name: str, last: int | None) -> Column:
        """The column, thinned to at most `most_rows` rows. Raises `NotEvaluated` when no slice has it."""
        return self._once("sample", name, last, lambda arrays: thinned(arrays, most=self._most))

    def distinct(self, name: str, last: int | None) -> Column:
        """Each value once, of every row: a rare value is known too. Raises `NotEvaluated` as `sample`."""
        return self._once("distinct", name, last, _distinct)

    def batches(self, key: str, names: Sequence[str]) -> Iterator[pa.RecordBatch]:
        """As the reference's; what it raises is kept in `failed`, where it cannot be taken for a finding."""
        reference = self._reference
        if reference is not None:
            batches = self._guarded(lambda: reference.batches(key, names))
            while (batch := self._guarded(lambda: next(batches, None))) is not None:
                yield batch

    def _once(
        self,
        how: str,
        name: str,
        last: int | None,
        take: Callable[[Iterator[pa.Array]], tuple[list[pa.Array], int]],
    ) -> Column:
        if (how, name, last) not in self._read:
            having: set[str] = set()
            arrays, rows = take(self._arrays(name, last, having))
            if not rows:
                raise NotEvaluated(f"the consumed slices have no column {name}")
            values = _joined(name, arrays)
            if pa.types.is_null(values.type):
                raise NotEvaluated(f"the consumed slices have no value of {name}")
            self._read[how, name, last] = Column(
                values=values, kept=sum(map(len, arrays)), rows=rows, slices=len(having)
            )
        return self._read[how, name, last]

    def _arrays(self, name: str, last: int | None, having: set[str]) -> Iterator[pa.Array]:
        for key in self.slices(last):
            for batch in self.batches(key, [name]):
                if name in batch.schema.names:
                    having.add(key)
                    array = batch.column(name)
                    yield array.dictionary_decode() if pa.types.is_dictionary(array.type) else array

    def _guarded(self, read: Callable[[], Any]) -> Any:
        try:
            return read()
        except Exception as error:
            self.failed = self.failed or error
            raise


_current: ContextVar[Reading] = ContextVar("reading")


def current() -> Reading:
    """The reading of the current validation; outside of any, one without a reference."""
    return _current.get(None) or Reading(None)


@contextmanager
def with_reference(reference: Reference | None) -> Iterator[Reading]:
    """Evaluate against `reference` inside the block.

    Raises what reading the reference raised, at the end of the block: Great Expectations turns any
    exception into a result, and a store that does not answer must not quarantine a slice.
    """
    reading = Reading(reference)
    token = _current.set(reading)
    try:
        yield reading
    finally:
        _current.reset(token)
    if reading.failed is not None:
        raise reading.failed


def _distinct(arrays: Iterator[pa.Array]) -> tuple[list[pa.Array], int]:
    """The distinct values so far stand first: memory grows with them and not with the rows."""
    known: list[pa.Array] = []
    rows = 0
    for array in arrays:
        rows += len(array)
        if known and known[-1].type.equals(array.type):
            array = pa.concat_arrays([known.pop(), array])
        known.append(pc.unique(array))
    return known, rows


def _joined(name: str, arrays: list[pa.Array]) -> pa.ChunkedArray:
    tables = [pa.table({name: array}) for array in arrays]
    try:
        return pa.concat_tables(tables, promote_options="permissive")[name]
    except (pa.ArrowInvalid, pa.ArrowTypeError) as error:
        types = ", ".join(dict.fromkeys(str(array.type) for array in arrays))
        raise NotEvaluated(f"the consumed slices have {name} in several types: {types}") from error


def _many(count: int, what: str) -> str:
    return f"{count:,} {what}" if count == 1 else f"{count:,} {what}s"
