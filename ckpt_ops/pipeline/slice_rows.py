"""Where the rows of a slice are read, and which of them no model ever trains on."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Protocol

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from ckpt_ops.errors import ModelCodeError
from ckpt_ops.lineage.records import SliceRef
from ckpt_ops.pipeline.description import Pipeline
from ckpt_ops.pipeline.user_code import make_examples
from ckpt_ops.slices import load_manifest, staged
from ckpt_ops.store import Store
from ckpt_ops.training import Examples, holdout_mask, holdout_mask_by


class SliceRows(Protocol):
    """Where the rows of slices are read. Whoever reads gets the same tables."""

    def count(self, key: str, revision: str) -> int:
        """How many rows the slice holds."""
        ...

    def groups(
        self, key: str, revision: str, columns: Sequence[str] | None = None
    ) -> Iterator[tuple[pa.Table, int]]:
        """The slice's rows, a row group at a time, each with the number of its first row.

        Args:
            columns: those of them that it has, and no others; None: all.
        """
        ...


class StoredRows:
    """Reads the pipeline's slices from the store, as often as they are asked for."""

    def __init__(self, pipeline: Pipeline, store: Store) -> None:
        self._store, self._source = store, pipeline.source.name

    def count(self, key: str, revision: str) -> int:
        return load_manifest(self._store, self._source, key, revision).rows

    def groups(
        self, key: str, revision: str, columns: Sequence[str] | None = None
    ) -> Iterator[tuple[pa.Table, int]]:
        start = 0
        with staged(self._store, load_manifest(self._store, self._source, key, revision)) as rows:
            there = None if columns is None else [name for name in columns if name in rows.schema.names]
            for batch in rows.batches(there):
                yield pa.Table.from_batches([batch]), start
                start += batch.num_rows


def held_out(pipeline: Pipeline, rows: SliceRows, key: str, revision: str) -> npt.NDArray[np.bool_]:
    """Which rows of a slice no model trains on; shape (rows,).

    With `holdout_by` the column is read for it. Raises `ModelCodeError` when the slice lacks it.
    """
    column = pipeline.holdout_by
    if column is None:
        return holdout_mask(revision=revision, rows=rows.count(key, revision), share=pipeline.holdout)
    masks = [np.empty(0, np.bool_)]
    for table, _ in rows.groups(key, revision, [column]):
        if column not in table.column_names:
            raise ModelCodeError(
                f"slice {key} has no column {column!r}, by whose values {pipeline.name} holds rows out",
                safe="nothing was trained; the champion serves on",
                next=f"expect the column in {pipeline.expectations}: a slice without it is quarantined then",
            )
        masks.append(holdout_mask_by(table[column].combine_chunks(), share=pipeline.holdout))
    return np.concatenate(masks)


def split(pipeline: Pipeline, rows: SliceRows, ref: SliceRef) -> Iterator[tuple[Examples, Examples]]:
    """The slice's rows to train on, and those held out, a row group at a time."""
    held = held_out(pipeline, rows, ref.key, ref.revision)
    for table, start in rows.groups(ref.key, ref.revision):
        mask = pa.array(held[start : start + table.num_rows])
        yield (
            make_examples(pipeline, table.filter(pc.invert(mask))),
            make_examples(pipeline, table.filter(mask)),
        )


def holdout_of(pipeline: Pipeline, rows: SliceRows, ref: SliceRef) -> Iterator[Examples]:
    """The held-out rows of one slice, a row group at a time."""
    held = held_out(pipeline, rows, ref.key, ref.revision)
    for table, start in rows.groups(ref.key, ref.revision):
        yield make_examples(pipeline, table.filter(pa.array(held[start : start + table.num_rows])))
