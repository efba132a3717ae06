"""A verdict on a table in memory."""

from __future__ import annotations

import pyarrow as pa

from ckpt_ops.validation import Suite, TableRows, Validation
from ckpt_ops.validation import validate as evaluate
from ckpt_ops.validation.custom import Reference


def validate(
    table: pa.Table, suite: Suite, declared: pa.Schema, reference: Reference | None = None
) -> Validation:
    return evaluate(TableRows(table=table), suite, declared, reference=reference).validation
