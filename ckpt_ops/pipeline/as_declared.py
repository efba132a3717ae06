"""Whether a stored slice can be read as its pipeline declares its columns, and what to do when it cannot."""

from __future__ import annotations

import pyarrow as pa

from ckpt_ops.column_times import Columns
from ckpt_ops.slices import SliceSource
from ckpt_ops.slices.declared import columns_of
from ckpt_ops.validation import Kind, schema_drift


def unreadable_columns(declared: pa.Schema, found: pa.Schema, *, columns: Columns | None = None) -> list[str]:
    """A sentence for each declared column that is missing or of a type that does not fit.

    A column without any value, and so without a type, can be read: that is a question of nulls. So can one
    outside its time, which has its default.

    Args:
        columns: those with a declared time, as seen from the slice; None: every slice has all.
    """
    drift = schema_drift(declared, found, columns=columns)
    return [reason.message for reason in drift if reason.kind in (Kind.MISSING, Kind.TYPE)]


def unreadable(source: SliceSource, key: str, found: pa.Schema) -> list[str]:
    """As `unreadable_columns`, of what slice `key` of a source must have; of any slice where it is ""."""
    return unreadable_columns(source.schema, found, columns=columns_of(source, key) if key else None)


def leave_it_out(model: str, key: str) -> str:
    """The next command where nothing can train on a slice that was accepted."""
    return (
        f"ckpt-ops slice {model} {key} shows what it has; "
        f"ckpt-ops withdraw {model} --slice {key} --why TEXT trains without it"
    )
