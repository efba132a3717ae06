"""Slices: how they are named, where they come from, how they get into the store."""

from ckpt_ops.slices.files import LANDING, ParquetFiles
from ckpt_ops.slices.identity import check_key, check_revision, revision_of
from ckpt_ops.slices.manifest import Column, DataFile, SliceManifest
from ckpt_ops.slices.pull import list_slices, load_manifest, pull, read_slice
from ckpt_ops.slices.source import PartedSource, SliceSource

__all__ = [
    "LANDING",
    "Column",
    "DataFile",
    "ParquetFiles",
    "PartedSource",
    "SliceManifest",
    "SliceSource",
    "check_key",
    "check_revision",
    "list_slices",
    "load_manifest",
    "pull",
    "read_slice",
    "revision_of",
]
