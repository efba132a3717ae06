"""Where the rows of a slice are read, and which of them no model ever trains on."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Protocol

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from ckpt_ops.column_times import Columns
from ckpt_ops.errors import ModelCodeError
from ckpt_ops.former_columns import FormerNames
from ckpt_ops.lineage.records import SliceRef
from ckpt_ops.pipeline.as_declared import leave_it_out
from ckpt_ops.pipeline.pipeline import Pipeline
from ckpt_ops.pipeline.user_code import make_examples
from ckpt_ops.scratch import filling, scratch_folder
from ckpt_ops.slices import load_manifest
from ckpt_ops.slices.reading import staged_as_declared
from ckpt_ops.store import Store
from ckpt_ops.training import Collected, Examples, Latest, holdout_mask, holdout_mask_by
from ckpt_ops.training.latest import has_order


class SliceRows(Protocol):
    """Where the rows of slices are read. Every reader gets the same tables."""

    def count(self, key: str, revision: str) -> int:
        """How many rows the slice holds."""
        ...

    def groups(
        self, key: str, revision: str, columns: Sequence[str] | None = None
    ) -> Iterator[tuple[pa.Table, int]]:
        """The slice's rows, a row group at a time, each with the number of its first row.

        Args:
            columns: read these alone, as far as the slice has them; None: all.
        """
        ...


class StoredRows:
    """Reads the pipeline's slices from the store, each time they are asked for.

    With the columns that the source declares: one that a slice lacks by its time has its default.

    Args:
        besides: columns that the slices lack by a declaration other than the pipeline's.
        former: names that columns had, for the code of an older version.

    Attributes:
        renamed: those of `former` that slices read so far have needed.
    """

    def __init__(
        self,
        pipeline: Pipeline,
        store: Store,
        *,
        besides: Columns | None = None,
        former: FormerNames | None = None,
    ) -> None:
        self._store, self._source = store, pipeline.source
        self._besides, self._former = besides, former
        self.renamed: dict[str, str] = {}

    def count(self, key: str, revision: str) -> int:
        return load_manifest(self._store, self._source.name, key, revision).rows

    def groups(
        self, key: str, revision: str, columns: Sequence[str] | None = None
    ) -> Iterator[tuple[pa.Table, int]]:
        start = 0
        manifest = load_manifest(self._store, self._source.name, key, revision)
        with staged_as_declared(
            self._store, self._source, manifest, besides=self._besides, former=self._former
        ) as rows:
            self.renamed |= rows.former
            present = None if columns is None else [name for name in columns if name in rows.schema.names]
            for batch in rows.batches(present):
                yield pa.Table.from_batches([batch]), start
                start += batch.num_rows


def held_out(pipeline: Pipeline, rows: SliceRows, key: str, revision: str) -> npt.NDArray[np.bool_]:
    """Which rows of a slice no model trains on; shape (rows,).

    A function of the slice's content. With `Latest` or `holdout_by` one column is read for it, and nothing
    else. Raises `ModelCodeError` when the slice lacks it or, with `Latest`, its type has no order.
    """
    kept, by = pipeline.holdout, pipeline.holdout_by
    if isinstance(kept, Latest):
        with _on_disk(_column(pipeline, rows, key, revision, kept.by)) as values:
            return np.empty(0, np.bool_) if values is None else kept.mask(values)
    if by is None:
        return holdout_mask(revision=revision, rows=rows.count(key, revision), share=kept)
    masks = [holdout_mask_by(array, share=kept) for array in _column(pipeline, rows, key, revision, by)]
    return np.concatenate([np.empty(0, np.bool_), *masks])


def trainable_of(pipeline: Pipeline, revision: str, rows: int) -> int | None:
    """How many of a slice's `rows` are not held out, where that needs nothing of the slice; else None."""
    share = pipeline.holdout
    if isinstance(share, Latest) or pipeline.holdout_by is not None:
        return None
    return rows - int(np.count_nonzero(holdout_mask(revision=revision, rows=rows, share=share)))


@contextmanager
def _on_disk(arrays: Iterator[pa.Array]) -> Iterator[pa.ChunkedArray | None]:
    """The arrays in a file, which is read as often as need be and takes no memory; None without rows."""
    scratch = scratch_folder()
    with filling(scratch), tempfile.TemporaryDirectory(prefix="ckpt-ops-column-", dir=scratch) as folder:
        path, writer = Path(folder) / "column.arrow", None
        for array in arrays:
            if len(array):
                encoded = isinstance(array, pa.DictionaryArray)
                batch = pa.record_batch([array.dictionary_decode() if encoded else array], ["values"])
                writer = writer or pa.ipc.new_file(path, batch.schema)
                writer.write_batch(batch)
        if writer is None:
            yield None
            return
        writer.close()
        with pa.memory_map(str(path)) as source:
            yield pa.ipc.open_file(source).read_all().column(0)


def _column(pipeline: Pipeline, rows: SliceRows, key: str, revision: str, name: str) -> Iterator[pa.Array]:
    """The column by which rows are held out, a row group at a time."""
    for table, _ in rows.groups(key, revision, [name]):
        found = table.schema.field(name).type if name in table.column_names else None
        if found is None or (isinstance(pipeline.holdout, Latest) and not has_order(found)):
            lacks = f"has no column {name!r}" if found is None else f"has column {name!r} as {found}"
            raise ModelCodeError(
                f"slice {key} {lacks}, by whose values {pipeline.name} holds rows out",
                safe="nothing was trained; the champion serves on",
                next=f"{leave_it_out(pipeline.name, key)}; an expectation in {pipeline.expectations} on the "
                "column quarantines such a slice",
            )
        yield table[name].combine_chunks()


def split(
    pipeline: Pipeline, rows: SliceRows, ref: SliceRef, *, train: Collected, holdout: Collected
) -> None:
    """Add the slice's rows to those to train on and those held out, a row group at a time.

    Where all rows of a row group go one way, `examples()` is not called for the other: what it makes of no
    rows may have a different type from what it makes of some.
    """
    for parts in split_tables(pipeline, rows, ref):
        for into, part in zip((train, holdout), parts, strict=True):
            if part.num_rows:
                into.add(make_examples(pipeline, part, of=ref.key))


def split_tables(pipeline: Pipeline, rows: SliceRows, ref: SliceRef) -> Iterator[tuple[pa.Table, pa.Table]]:
    """What `split` makes examples of: the rows to train on, and those held out."""
    held = held_out(pipeline, rows, ref.key, ref.revision)
    for table, start in rows.groups(ref.key, ref.revision):
        mask = pa.array(held[start : start + table.num_rows])
        yield table.filter(pc.invert(mask)), table.filter(mask)


def holdout_of(pipeline: Pipeline, rows: SliceRows, ref: SliceRef) -> Iterator[Examples]:
    """The held-out rows of one slice, a row group at a time."""
    for _, held in split_tables(pipeline, rows, ref):
        if held.num_rows:
            yield make_examples(pipeline, held, of=ref.key)
