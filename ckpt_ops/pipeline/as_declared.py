"""Whether a stored slice can be read as its pipeline declares its columns, and what to do when it cannot."""

from __future__ import annotations

import pyarrow as pa

from ckpt_ops.validation import Severity, schema_drift


def unreadable_columns(declared: pa.Schema, found: pa.Schema) -> list[str]:
    """A sentence for each declared column that is missing or of a type that does not fit.

    A column without any value, and so without a type, can be read: that is a question of nulls.
    """
    drift = schema_drift(declared, found)
    return [reason.message for reason in drift if reason.severity is Severity.CRITICAL]


def leave_it_out(model: str, key: str) -> str:
    """The next command where nothing can train on a slice that was accepted."""
    return (
        f"ckpt-ops slice {model} {key} shows what it has; "
        f"ckpt-ops withdraw {model} --slice {key} --why TEXT trains without it"
    )
