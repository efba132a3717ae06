"""A verdict on a table in memory."""

from __future__ import annotations

import pyarrow as pa

from ckpt_ops.column_times import Columns
from ckpt_ops.validation import Suite, TableRows, Validation
from ckpt_ops.validation import validate as evaluate
from ckpt_ops.validation.custom import Reference


def validate(
    table: pa.Table,
    suite: Suite,
    declared: pa.Schema,
    reference: Reference | None = None,
    columns: Columns | None = None,
) -> Validation:
    rows = TableRows(table=table)
    return evaluate(rows, suite, declared, columns=columns, reference=reference).validation
