"""Revisions derived from others in the store, never edits: rows set aside or forgotten, types, a release."""

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

    Memory is bounded by a row group, local disk by the rows. A second call writes nothing.

    Args:
        how: what was done, such as why the other rows are not in it.
        schema: the columns as they should be, for those whose values fit another type
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
                f"all rows of slice {manifest.key} of source {manifest.source!r} are set aside",
                safe="the log and the champion are untouched",
                next="lower bad_rows_at_most of the suite, so that such a slice is quarantined whole",
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
    """The revision without the rows that any of the predicates matches.

    `manifest` itself when no row matches; None when every row does.

    Raises:
        BadInput: a predicate compares a column with a value of a different kind.
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
            # one after the other: each predicate sees only the rows that the ones before it left
            batch = batch.filter(pc.invert(mask(batch)))
        yield batch


def released(store: Store, manifest: SliceManifest) -> SliceManifest:
    """The revision of `manifest`, as it was pulled, that a person released. Shares its files."""
    made = Derived(revision=manifest.revision, how="released")
    mark = f"released from {manifest.revision}"
    revision = revision_of(manifest.columns, manifest.files, mark=mark)
    return _commit(store, replace(manifest, revision=revision, derived=made))


def _commit(store: Store, manifest: SliceManifest) -> SliceManifest:
    now = datetime.now(UTC).isoformat(timespec="milliseconds")
    return commit_manifest(store, replace(manifest, pulled_at=now))
