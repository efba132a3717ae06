"""Revisions made of others in the store, never edits: rows set aside or forgotten, other types, a release."""

from __future__ import annotations

import tempfile
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc

from ckpt_ops.column_types import as_columns_of
from ckpt_ops.errors import SliceEmpty
from ckpt_ops.slices.committed import commit_manifest
from ckpt_ops.slices.datafiles import stage, upload
from ckpt_ops.slices.identity import revision_of
from ckpt_ops.slices.manifest import Column, Derived, SliceManifest
from ckpt_ops.slices.predicate import Predicate
from ckpt_ops.slices.reading import StagedSlice, staged
from ckpt_ops.slices.unread import mark_of
from ckpt_ops.store import Store

SET_ASIDE, FORGOTTEN, AS_DECLARED = "rows set aside", "rows forgotten", "types as declared"


def without_rows(
    store: Store,
    manifest: SliceManifest,
    rest: Iterable[pa.RecordBatch],
    *,
    how: str = SET_ASIDE,
    schema: pa.Schema | None = None,
) -> SliceManifest:
    """The revision that holds `rest`, rows of `manifest` in order.

    Memory is bounded by a row group, local disk by the rows. Done again, it writes nothing.

    Args:
        how: what was done, such as why the others are not in it.
        schema: the columns as they are to be, for those whose values are values of another type
            (`column_types.values_decide`); None: as they are.
    """
    prefix = manifest.prefix.rpartition("/")[0]
    columns = manifest.columns
    if schema is not None:
        columns = Column.of_schema(schema)
        rest = (as_columns_of(batch, schema) for batch in rest)
    with tempfile.TemporaryDirectory(prefix="ckpt-ops-rest-") as folder:
        _, files = stage(rest, Path(folder), prefix=prefix)
        if not files:
            raise SliceEmpty(
                f"slice {manifest.key} of source {manifest.source!r} has no row that is not set aside",
                safe="the log and the champion are untouched",
                next="lower bad_rows_at_most of the suite: such a slice is to be quarantined whole",
            )
        upload(store, Path(folder), files)
    rows = sum(file.rows for file in files)
    made = Derived(revision=manifest.revision, how=how, set_aside=manifest.rows - rows)
    return _commit(
        store,
        replace(
            manifest,
            revision=revision_of(columns, files, mark=mark_of(manifest.unread)),
            rows=rows,
            columns=columns,
            files=tuple(files),
            derived=made,
        ),
    )


def forgotten(store: Store, manifest: SliceManifest, predicates: Sequence[Predicate]) -> SliceManifest | None:
    """The revision without the rows that any of the predicates means.

    `manifest` itself when it has no such row; None when it has no other.

    Raises:
        BadInput: a predicate compares a column with a value of another kind.
    """
    with staged(store, manifest) as rows:
        left = sum(batch.num_rows for batch in _left(rows, predicates))
        if left == manifest.rows:
            return manifest
        return without_rows(store, manifest, _left(rows, predicates), how=FORGOTTEN) if left else None


def _left(rows: StagedSlice, predicates: Sequence[Predicate]) -> Iterator[pa.RecordBatch]:
    masks = [predicate.mask(rows.schema) for predicate in predicates]
    for batch in rows.batches():
        for mask in masks:
            # one after the other: what is left of a batch is all that the next one is asked about
            batch = batch.filter(pc.invert(mask(batch)))
        yield batch


def released(store: Store, manifest: SliceManifest) -> SliceManifest:
    """The revision that stands for `manifest`, as it was pulled, let pass by a person. Shares its files."""
    made = Derived(revision=manifest.revision, how="released")
    mark = f"released from {manifest.revision}"
    revision = revision_of(manifest.columns, manifest.files, mark=mark)
    return _commit(store, replace(manifest, revision=revision, derived=made))


def _commit(store: Store, manifest: SliceManifest) -> SliceManifest:
    now = datetime.now(UTC).isoformat(timespec="milliseconds")
    return commit_manifest(store, replace(manifest, pulled_at=now))
