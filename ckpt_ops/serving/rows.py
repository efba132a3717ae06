"""The rows that a model predicts: those held out from training, or every one of a slice."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from functools import partial
from typing import Any

import numpy as np
import numpy.typing as npt

from ckpt_ops.candidates.evaluated_on import evaluated_on
from ckpt_ops.candidates.given import pipeline_of
from ckpt_ops.candidates.kept_rows import Numbers, kept_rows
from ckpt_ops.candidates.slice_rows import SliceRows, StoredRows, holdout_of
from ckpt_ops.lineage import VersionState
from ckpt_ops.lineage.records import SliceRef
from ckpt_ops.pipeline.pipeline import Pipeline
from ckpt_ops.pipeline.user_code import make_examples, make_inputs
from ckpt_ops.store import Store
from ckpt_ops.training import Collected, Examples

Inputs = dict[str, npt.NDArray[Any]]


def held_out(pipeline: Pipeline, store: Store, version: VersionState) -> Iterator[Examples]:
    """The rows of the version's own slices that no model trains on, a row group at a time."""
    pipeline = pipeline_of(pipeline, store, version)
    for ref in version.slices:
        for part in holdout_of(pipeline, StoredRows(pipeline, store), ref):
            if part.rows:
                yield part


def evaluated(pipeline: Pipeline, store: Store, version: VersionState) -> list[Examples]:
    """The rows of its own slices on which the version was evaluated, those of a row group together."""
    pipeline = pipeline_of(pipeline, store, version)
    collected, starts, counts = Collected(version.rows), [0], []
    for ref in version.slices:
        before = collected.rows
        for part in holdout_of(pipeline, StoredRows(pipeline, store), ref):
            collected.add(part)
            starts.append(collected.rows)
        counts.append(collected.rows - before)
    if not collected.rows:
        return []
    found = evaluated_on(collected.examples(), list(zip(version.slices, counts, strict=True)))
    at = starts if found.numbers is None else np.searchsorted(found.numbers, starts).tolist()
    return [found.examples.take(slice(a, b)) for a, b in itertools.pairwise(at) if a < b]


def every_row(pipeline: Pipeline, rows: SliceRows, ref: SliceRef) -> Iterator[tuple[Numbers, Inputs]]:
    """The rows that the pipeline makes inputs of, a row group at a time, with their numbers in the slice.

    With `inputs=` of the pipeline these are all rows; else those that `examples()` keeps.
    """
    for table, start in rows.groups(ref.key, ref.revision):
        if pipeline.inputs:
            numbers, inputs = np.arange(table.num_rows), make_inputs(pipeline, table, of=ref.key)
        else:
            part = make_examples(pipeline, table, of=ref.key)
            examples = partial(make_examples, pipeline, of=ref.key)
            numbers = kept_rows(examples, table, part, named=pipeline.examples)
            inputs = dict(part.inputs)
        if len(numbers):
            yield start + numbers, inputs
