"""Rows of slices as `examples()` makes them: made now, or taken from columns that were kept."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from ckpt_ops.candidates.kept_columns import KeptColumns, SliceColumns
from ckpt_ops.candidates.slice_rows import SliceRows, held_out, split_tables
from ckpt_ops.lineage.records import SliceRef
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
    own = not code or takes_vocabularies(pipeline)  # a vocabulary grows with each version
    return MadeRows(pipeline, rows, None if own else KeptColumns(pipeline, code))


class MadeRows:
    """Makes rows of slices, a row group at a time; those of slices that are kept are not made again.

    Either way they are the same: `examples()` treats each row by itself.
    """

    def __init__(self, pipeline: Pipeline, rows: SliceRows, kept: KeptColumns | None) -> None:
        self._pipeline, self._rows, self._kept = pipeline, rows, kept

    def counts(self, key: str, revision: str) -> tuple[int, int]:
        """How many rows of a slice are not held out, and how many there are."""
        found = self._find(key, revision)
        if found is not None:
            return found.train.rows if found.train is not None else 0, found.rows
        held = held_out(self._pipeline, self._rows, key, revision)
        return len(held) - int(np.count_nonzero(held)), len(held)

    def split(self, ref: SliceRef, *, train: Collected, holdout: Collected) -> None:
        """Add a slice's rows to those to train on, and those held out.

        Where all rows of a row group go one way, `examples()` is not called for the other: what it makes of
        no rows may have a different type from what it makes of some.
        """
        found = self._find(ref.key, ref.revision)
        if found is None:
            made = _Made(), _Made()
            for tables in split_tables(self._pipeline, self._rows, ref):
                for into, part, of in zip((train, holdout), tables, made, strict=True):
                    if part.num_rows:
                        examples = make_examples(self._pipeline, part, of=ref.key)
                        into.add(examples)
                        if self._kept is not None:
                            of.add(examples, part.num_rows)
            self._keep(ref, *made)
            return
        for into, kept in ((train, found.train), (holdout, found.holdout)):
            if kept is not None:
                for start in range(0, kept.rows, _BLOCK):
                    into.add(kept.take(slice(start, start + _BLOCK)))

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
        return None if self._kept is None else self._kept.find(key, revision)

    def _keep(self, ref: SliceRef, train: _Made, holdout: _Made) -> None:
        """Keep what was made, unless a part of it depends on more than its rows."""
        if self._kept is None or not (train.alike and holdout.alike):
            return
        parts = [part.collected.examples() if part.collected.rows else None for part in (train, holdout)]
        self._kept.keep(ref.key, ref.revision, SliceColumns(train=parts[0], holdout=parts[1], rows=ref.rows))


class _Made:
    """One part of a slice's rows, and whether it can stand for any choice of them.

    It cannot where `examples()` dropped rows, or gave columns of another dtype for some row groups: which
    ones there are in a choice decides what dtype it has.
    """

    def __init__(self) -> None:
        self.collected = Collected(0)
        self.alike = True
        self._like: _Form | None = None

    def add(self, examples: Examples, rows: int) -> None:
        form = _Form.of(examples)
        self._like = self._like or form
        self.alike = self.alike and examples.rows == rows and form == self._like
        if self.alike:
            self.collected.add(examples)


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
