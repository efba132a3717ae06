"""Rows of slices as `examples()` makes them: made now, or taken from columns that were kept."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa

from ckpt_ops.candidates.kept_columns import KeptColumns, SliceColumns, own_folder, size_limit
from ckpt_ops.candidates.slice_rows import SliceRows, held_out, split_tables, trainable_of
from ckpt_ops.errors import ObjectNotFound, ScratchFull
from ckpt_ops.lineage.records import SliceRef
from ckpt_ops.lists import ListColumn
from ckpt_ops.outputs import each
from ckpt_ops.pipeline.pipeline import Pipeline
from ckpt_ops.pipeline.user_code import make_examples, takes_vocabularies
from ckpt_ops.training import Collected, Examples
from ckpt_ops.training.replay import Drawn

_BLOCK = 1 << 18


def made_rows(pipeline: Pipeline, rows: SliceRows, *, code: str) -> MadeRows:
    """Where a candidate's rows come from.

    Args:
        code: digest of the pipeline's code as it was imported; "": nothing is kept or found.
    """
    if not code or takes_vocabularies(pipeline):  # a vocabulary grows with each version
        return MadeRows(pipeline, rows, None)
    folder = own_folder()
    return MadeRows(pipeline, rows, None if folder is None else KeptColumns(pipeline, code, folder))


class MadeRows:
    """Makes rows of slices, a row group at a time; those of slices that are kept are not made again.

    Either way they are the same: `examples()` treats each row by itself; what was seen not to is not kept.
    """

    def __init__(self, pipeline: Pipeline, rows: SliceRows, kept: KeptColumns | None) -> None:
        self._pipeline, self._rows, self._kept = pipeline, rows, kept
        self._there: set[tuple[str, str]] = set()

    def trainable(self, key: str, revision: str, *, rows: int | None = None) -> int:
        """How many rows of a slice are not held out.

        Args:
            rows: how many it has; None: the store is asked. With it, and where rows are held out at random,
                nothing is read: of a long history, few slices are drawn from.
        """
        found = None if rows is None else trainable_of(self._pipeline, revision, rows)
        if found is not None:
            return found
        if self._kept is not None and self._is_there(key, revision):
            found = self._kept.trainable(key, revision)
            if found is not None:
                return found
        held = held_out(self._pipeline, self._rows, key, revision)
        return len(held) - int(np.count_nonzero(held))

    def split(self, ref: SliceRef, *, train: Collected, holdout: Collected) -> None:
        """Add a slice's rows to those to train on, and those held out.

        Where all rows of a row group go one way, `examples()` is not called for the other: what it makes of
        no rows may have a different type from what it makes of some.
        """
        found = self._find(ref.key, ref.revision)
        if found is None:
            made = _Made(self._make), _Made(self._make)
            for tables in split_tables(self._pipeline, self._rows, ref):
                for into, part, of in zip((train, holdout), tables, made, strict=True):
                    if part.num_rows:
                        examples = make_examples(self._pipeline, part, of=ref.key)
                        into.add(examples)
                        if self._kept is not None:
                            of.add(examples, part)
            self._keep(ref, *made)
            return
        for into, kept in ((train, found.train), (holdout, found.holdout)):
            if kept is not None:
                into.extend(kept)

    def drawn(self, key: str, revision: str, chosen: Drawn) -> Iterator[Examples]:
        """The rows of a slice that were drawn from those that are not held out."""
        found = self._find(key, revision)
        if found is not None and found.train is not None:
            for start in range(0, found.train.rows, _BLOCK):
                numbers = chosen.among(start, min(start + _BLOCK, found.train.rows))
                if len(numbers):
                    yield found.train.take(numbers)
            return
        held = held_out(self._pipeline, self._rows, key, revision)  # found again: history fits nowhere
        before = 0
        for table, start in self._rows.groups(key, revision):
            free = np.flatnonzero(~held[start : start + table.num_rows])
            numbers = free[chosen.among(before, before + len(free)) - before]
            before += len(free)
            if len(numbers):
                yield make_examples(self._pipeline, table.take(pa.array(numbers)), of=key)

    def _find(self, key: str, revision: str) -> SliceColumns | None:
        if self._kept is None or not self._is_there(key, revision):
            return None
        return self._kept.find(key, revision)

    def _is_there(self, key: str, revision: str) -> bool:
        """True. Raises `ObjectNotFound` where the store has the slice no more: its columns go as well."""
        if (key, revision) not in self._there:
            try:
                self._rows.count(key, revision)
            except ObjectNotFound:
                if self._kept is not None:
                    self._kept.drop(key, revision)
                raise
            self._there.add((key, revision))
        return True

    def _make(self, table: pa.Table) -> Examples:
        return make_examples(self._pipeline, table)

    def _keep(self, ref: SliceRef, train: _Made, holdout: _Made) -> None:
        """Keep what was made, unless it may depend on more than its rows."""
        if self._kept is None or not (train.alike and holdout.alike):
            return
        parts = [part.collected.examples() if part.collected.rows else None for part in (train, holdout)]
        self._kept.keep(ref.key, ref.revision, SliceColumns(train=parts[0], holdout=parts[1]))


class _Made:
    """One part of a slice's rows, and whether it can stand for any choice of them.

    It cannot where `examples()` dropped rows, or gave columns of another dtype for some row groups: which
    ones there are in a choice decides what dtype it has. Nor where some rows alone come out different in the
    last bit, as a product of matrices may. Nor is it collected beyond what may be kept.
    """

    def __init__(self, make: Callable[[pa.Table], Examples]) -> None:
        self._make = make
        self.collected = Collected(0)
        self.alike = True
        self._like: _Form | None = None

    def add(self, examples: Examples, table: pa.Table) -> None:
        if not self.alike:
            return
        form = _Form.of(examples)
        first, self._like = self._like is None, self._like or form
        self.alike = examples.rows == table.num_rows and form == self._like
        self.alike = self.alike and not (first and self._depends_on_others(examples, table))
        if self.alike:
            try:
                self.collected.add(examples)
            except ScratchFull:
                self.alike = False
        if not self.alike or self.collected.bytes > size_limit():
            self.alike, self.collected = False, Collected(0)

    def _depends_on_others(self, examples: Examples, table: pa.Table) -> bool:
        """Whether some rows, made alone, differ in any bit."""
        rows = table.num_rows
        for count in {1, 2, 3, 7, 33, rows // 3} - {0}:
            some = np.unique(np.linspace(0, rows - 1, min(count, rows)).astype(np.int64))
            alone = self._make(table.take(pa.array(some)))
            if alone.rows != len(some) or not _same_bits(examples.take(some), alone):
                return True
        return False


def _same_bits(one: Examples, other: Examples) -> bool:
    """Whether two sets of as many rows are the same, and of one form."""
    if _Form.of(one) != _Form.of(other):
        return False
    pairs: list[Any] = [(column, other.inputs[name]) for name, column in one.inputs.items()]
    pairs += [(column, other.segments[name]) for name, column in one.segments.items()]
    pairs += [(one.labels, other.labels), (one.weights, other.weights), (one.groups, other.groups)]
    return all(_bits(a) == _bits(b) for a, b in pairs)


def _bits(column: Any) -> Any:
    if column is None:
        return None
    if isinstance(column, ListColumn):
        return column.lengths.tolist(), _bits(column.flat())
    array = np.asarray(column)
    return array.tolist() if array.dtype.kind in "OSU" else array.tobytes()


@dataclass(frozen=True)
class _Form:
    """What two parts have to have in common to be of one form."""

    dtypes: dict[tuple[str, str], str]
    missing: frozenset[str]
    lengths: dict[str, int]

    @classmethod
    def of(cls, examples: Examples) -> _Form:
        columns = {("inputs", name): column for name, column in examples.inputs.items()}
        columns |= {("labels", name): column for name, column in each(examples.labels).items()}
        columns |= {("segments", name): column for name, column in examples.segments.items()}
        if examples.groups is not None:
            columns["groups", ""] = examples.groups
        dtypes = {
            name: "text" if column.dtype.kind in "OU" else column.dtype.str
            for name, column in columns.items()
        }
        return cls(dtypes, frozenset(examples.missing), dict(examples.label_lengths))
