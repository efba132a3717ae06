"""Has this been seen in training before? A category should have been; a row should not."""

from __future__ import annotations

from collections import Counter
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt
import pyarrow as pa
from great_expectations.compatibility import pydantic
from great_expectations.execution_engine import PandasExecutionEngine
from great_expectations.expectations.expectation import BatchExpectation, ColumnAggregateExpectation
from great_expectations.expectations.metrics.column_aggregate_metric_provider import (
    ColumnAggregateMetricProvider,
    column_aggregate_value,
)

from ckpt_ops.validation.custom.columns import among, arrow, check_alike, valid
from ckpt_ops.validation.custom.evaluating import Evaluating
from ckpt_ops.validation.custom.findings import Misfits, or_not_evaluated
from ckpt_ops.validation.custom.frames import FrameFinding
from ckpt_ops.validation.custom.reference import current

_NAMED = 5
_EXAMPLES = 20
_Hashes = npt.NDArray[np.uint64]


class ColumnNewValues(ColumnAggregateMetricProvider):
    metric_name = "column.values_not_in_reference"
    value_keys = ("reference_slices",)

    @column_aggregate_value(engine=PandasExecutionEngine)
    @or_not_evaluated
    def _pandas(cls, column: Any, reference_slices: int | None, **_: Any) -> Misfits:
        name, found = column.name, arrow(column)
        reference = current().distinct(name, reference_slices)
        there = valid(found)
        check_alike(reference.values, found, name)
        new = there & ~among(found, reference.values) if there.any() else there
        values = column[new]
        times = values.value_counts()
        named = sorted(times.items(), key=lambda item: (-item[1], str(item[0])))
        more = f" and {len(named) - _NAMED} more" if len(named) > _NAMED else ""
        return Misfits(
            unexpected=new,
            evaluated=int(there.sum()),
            index=column.index,
            examples=list(values.head(_EXAMPLES)),
            subject=name,
            what=f"have a value that is new to {reference.all_messages}",
            more="new: " + ", ".join(f"{value} ({count:,})" for value, count in named[:_NAMED]) + more,
        )


class ConsumedRows(FrameFinding):
    metric_name = "table.rows_in_reference"
    value_keys = ("column_list", "reference_slices")

    @classmethod
    def find(cls, frame: Any, names: list[str], reference_slices: int | None) -> Misfits:
        """Rows whose key is in a different accepted slice."""
        slices = current().accepted(reference_slices)
        keys = pa.Table.from_pandas(frame[names], preserve_index=False)
        whole = np.logical_and.reduce([valid(column) for column in keys.columns])
        seen = np.full(len(frame), -1)
        seen[whole] = _seen(keys.filter(pa.array(whole)), slices)
        rows = Counter(dict(zip(slices, np.bincount(seen[seen >= 0], minlength=len(slices)), strict=True)))
        examples = keys.filter(pa.array(seen >= 0)).slice(0, _EXAMPLES).to_pylist()
        return Misfits(
            unexpected=seen >= 0,
            evaluated=int(whole.sum()),
            index=frame.index,
            examples=examples,
            subject=", ".join(names),
            what="are in accepted slices already",
            more=", ".join(f"{count:,} in {key}" for key, count in rows.most_common(_NAMED) if count),
        )


class ExpectColumnValuesToBeInReference(Evaluating, ColumnAggregateExpectation):
    """A column's values were seen in training: a model was never trained on a new category.

    Every row of the reference counts, however rare its value. Nulls are not evaluated.

    Args:
        column: categories: text, booleans, or codes as integers.
        mostly: the least share of rows, 0 to 1, whose value is known; 1 by default. The literature has no
            limit: take what the model's "unknown" entry can bear. Real categories do grow.
        reference_slices: how many of the newest consumed slices to compare with, 4 by default; null: all.
    """

    mostly: float = pydantic.Field(default=1.0, ge=0, le=1)
    reference_slices: int | None = pydantic.Field(default=4, ge=1)

    metric_dependencies: ClassVar[tuple[str, ...]] = (ColumnNewValues.metric_name,)
    success_keys: ClassVar[tuple[str, ...]] = ("mostly", "reference_slices")
    sentence: ClassVar[str] = (
        "Values of $column are among those of the last consumed slices ($reference_slices), "
        "at least a share $mostly of them."
    )


class ExpectCompoundColumnsToBeNew(Evaluating, BatchExpectation):
    """Rows, told apart by their key, are in no other accepted slice: a row seen twice weighs twice.

    Accepted slices count, too: an intake consumes nothing, and a first version consumes all at once.

    Keys are compared by a hash of 64 bits: 5 million rows against 20 million find a false match in one of
    200,000 slices. A row with a null in its key is not evaluated. Duplicates within the slice are
    `expect_compound_columns_to_be_unique`'s.

    Args:
        column_list: the columns that make the key, one or more.
        mostly: the least share of rows, 0 to 1, that is new; 1 by default.
        reference_slices: in how many of the newest accepted slices to look, 4 by default; null: in all.
    """

    column_list: list[str] = pydantic.Field(min_items=1)
    mostly: float = pydantic.Field(default=1.0, ge=0, le=1)
    reference_slices: int | None = pydantic.Field(default=4, ge=1)

    metric_dependencies: ClassVar[tuple[str, ...]] = (ConsumedRows.metric_name,)
    success_keys: ClassVar[tuple[str, ...]] = ("column_list", "mostly", "reference_slices")
    sentence: ClassVar[str] = (
        "Keys $column_list are not in the last accepted slices ($reference_slices), "
        "at least a share $mostly of them."
    )


def _seen(keys: pa.Table, slices: tuple[str, ...]) -> npt.NDArray[np.int64]:
    """Of each row, the newest slice that has its key, as a position in `slices`; -1: none has."""
    import pandas as pd

    # pandas' hash table: several times as fast as a binary search, which misses the cache at each step
    back, ours = pd.factorize(_hashes(keys))
    index = pd.Index(ours)
    seen = np.full(len(ours), -1)
    for at, key in enumerate(slices):
        for batch in current().batches(key, keys.column_names):
            found = index.get_indexer(_hashes_like(batch, keys.schema))
            seen[found[found >= 0]] = at
    return np.asarray(seen[back])


def _hashes_like(batch: pa.RecordBatch, schema: pa.Schema) -> _Hashes:
    """None for rows that cannot equal ours: without a column, with a null, or of another type."""
    if set(schema.names) - set(batch.schema.names):
        return np.empty(0, np.uint64)
    table = pa.table({name: batch.column(name) for name in schema.names}).drop_null()
    try:
        return _hashes(table.cast(schema))
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError):
        return np.empty(0, np.uint64)


def _hashes(table: pa.Table) -> _Hashes:
    from pandas.util import hash_pandas_object

    found: _Hashes = hash_pandas_object(table.to_pandas(), index=False).to_numpy()
    return found
