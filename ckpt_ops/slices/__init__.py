"""Slices: how they are named, where they come from, how they get into the store."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ckpt_ops.on_first_use import on_first_use

if TYPE_CHECKING:
    from ckpt_ops.slices.committed import list_slices, load_manifest
    from ckpt_ops.slices.identity import check_key, check_revision, revision_of
    from ckpt_ops.slices.key_forms import key_time
    from ckpt_ops.slices.manifest import Column, DataFile, Derived, SliceManifest
    from ckpt_ops.slices.parts import parts_of, worth_sharing
    from ckpt_ops.slices.periods import Period
    from ckpt_ops.slices.pull import commit, pull, pull_part
    from ckpt_ops.slices.reading import StagedSlice, read_slice, staged
    from ckpt_ops.slices.source import PartedSource, SliceSource
    from ckpt_ops.slices.sources.bigquery import BigQueryTable
    from ckpt_ops.slices.sources.files import LANDING, Files
    from ckpt_ops.slices.sources.http import HttpPages
    from ckpt_ops.slices.sources.postgres import PostgresTable
    from ckpt_ops.slices.sources.rows_where import RowsWhere

__all__ = [
    "LANDING",
    "BigQueryTable",
    "Column",
    "DataFile",
    "Derived",
    "Files",
    "HttpPages",
    "PartedSource",
    "Period",
    "PostgresTable",
    "RowsWhere",
    "SliceManifest",
    "SliceSource",
    "StagedSlice",
    "check_key",
    "check_revision",
    "commit",
    "key_time",
    "list_slices",
    "load_manifest",
    "parts_of",
    "pull",
    "pull_part",
    "read_slice",
    "revision_of",
    "staged",
    "worth_sharing",
]

_TABLE = {
    "ckpt_ops.slices.committed": "list_slices load_manifest",
    "ckpt_ops.slices.identity": "check_key check_revision revision_of",
    "ckpt_ops.slices.key_forms": "key_time",
    "ckpt_ops.slices.manifest": "Column DataFile Derived SliceManifest",
    "ckpt_ops.slices.parts": "parts_of worth_sharing",
    "ckpt_ops.slices.periods": "Period",
    "ckpt_ops.slices.pull": "commit pull pull_part",
    "ckpt_ops.slices.reading": "StagedSlice read_slice staged",
    "ckpt_ops.slices.source": "PartedSource SliceSource",
    "ckpt_ops.slices.sources.bigquery": "BigQueryTable",
    "ckpt_ops.slices.sources.files": "LANDING Files",
    "ckpt_ops.slices.sources.http": "HttpPages",
    "ckpt_ops.slices.sources.postgres": "PostgresTable",
    "ckpt_ops.slices.sources.rows_where": "RowsWhere",
}
on_first_use(__name__, _TABLE)
