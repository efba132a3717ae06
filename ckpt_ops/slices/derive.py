"""Revisions that are made of others in the store, never edits: bad rows set aside, a slice released."""

from __future__ import annotations

import tempfile
from collections.abc import Iterable
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pyarrow as pa

from ckpt_ops.errors import SliceEmpty
from ckpt_ops.slices.committed import commit_manifest
from ckpt_ops.slices.datafiles import stage, upload
from ckpt_ops.slices.identity import revision_of
from ckpt_ops.slices.manifest import Derived, SliceManifest
from ckpt_ops.store import Store


def without_rows(store: Store, manifest: SliceManifest, rest: Iterable[pa.RecordBatch]) -> SliceManifest:
    """The revision that holds `rest`, the rows of `manifest` that are not set aside, in order.

    Memory is bounded by a row group, local disk by the rows. Done again, it writes nothing.
    """
    prefix = manifest.prefix.rpartition("/")[0]
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
    made = Derived(revision=manifest.revision, how="rows set aside", set_aside=manifest.rows - rows)
    return _commit(
        store,
        replace(
            manifest,
            revision=revision_of(manifest.columns, files),
            rows=rows,
            files=tuple(files),
            derived=made,
        ),
    )


def released(store: Store, manifest: SliceManifest) -> SliceManifest:
    """The revision that stands for `manifest`, as it was pulled, let pass by a person. Shares its files."""
    made = Derived(revision=manifest.revision, how="released")
    mark = f"released from {manifest.revision}"
    revision = revision_of(manifest.columns, manifest.files, mark=mark)
    return _commit(store, replace(manifest, revision=revision, derived=made))


def _commit(store: Store, manifest: SliceManifest) -> SliceManifest:
    now = datetime.now(UTC).isoformat(timespec="milliseconds")
    return commit_manifest(store, replace(manifest, pulled_at=now))
