"""The rows that a model is asked about: those held out from training, or every one of a slice."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from ckpt_ops.errors import ModelCodeError
from ckpt_ops.lineage import VersionState
from ckpt_ops.lineage.records import SliceRef
from ckpt_ops.pipeline.description import Pipeline
from ckpt_ops.pipeline.slice_rows import StoredRows, holdout_of
from ckpt_ops.pipeline.user_code import make_examples, make_inputs
from ckpt_ops.store import Store
from ckpt_ops.training import Examples

Numbers = npt.NDArray[np.int64]
Inputs = dict[str, npt.NDArray[Any]]


def held_out(pipeline: Pipeline, store: Store, version: VersionState) -> Iterator[Examples]:
    """The rows of the version's own slices that no model trains on, a row group at a time."""
    for ref in version.slices:
        for part in holdout_of(pipeline, StoredRows(pipeline, store), ref):
            if part.rows:
                yield part


def every_row(pipeline: Pipeline, store: Store, ref: SliceRef) -> Iterator[tuple[Numbers, Inputs]]:
    """The rows that the pipeline makes inputs of, a row group at a time, with their numbers in the slice.

    With `inputs=` of the pipeline these are all rows; else those that `examples()` keeps.
    """
    for table, start in StoredRows(pipeline, store).groups(ref.key, ref.revision):
        if pipeline.inputs:
            numbers, inputs = np.arange(table.num_rows), make_inputs(pipeline, table)
        else:
            part = make_examples(pipeline, table)
            numbers, inputs = kept_rows(pipeline, table, part.rows), dict(part.inputs)
        if len(numbers):
            yield start + numbers, inputs


def kept_rows(pipeline: Pipeline, table: pa.Table, kept: int) -> Numbers:
    """The numbers of the rows that `examples()` keeps of `table`.

    It does not say which, so it is asked again about parts of the table. What it makes of a row must not
    depend on the others (see `Pipeline.examples`): a part of which it keeps all, or nothing, is settled.
    Most drop the rows that lack a value in one column: two questions settle that.

    Args:
        kept: how many it keeps of the whole.

    Raises:
        ModelCodeError: what it keeps of the parts does not add up.
    """
    rows = table.num_rows
    if kept in (0, rows):
        return np.arange(rows)[:kept]
    for name in table.column_names:
        if rows - table[name].null_count == kept:
            there = pc.is_valid(table[name])
            with_value, without = table.filter(there), table.filter(pc.invert(there))
            if make_examples(pipeline, with_value).rows == kept and not make_examples(pipeline, without).rows:
                return np.flatnonzero(there.to_numpy()).astype(np.int64)
    middle = rows // 2
    first, second = table.slice(0, middle), table.slice(middle)
    of_first, of_second = (make_examples(pipeline, part).rows for part in (first, second))
    if rows == 1 or of_first + of_second != kept:
        raise ModelCodeError(
            f"{pipeline.examples} keeps {kept} of {rows} rows, and {of_first + of_second} of the same rows "
            "in two parts",
            safe="nothing was written; the champion serves on",
            next="let examples() judge each row by itself; or name inputs= in the pipeline",
        )
    return np.concatenate(
        [kept_rows(pipeline, first, of_first), middle + kept_rows(pipeline, second, of_second)]
    )
