"""Batch predictions: every row of a slice, by a version, kept as Parquet under it and recorded.

A repeated request finds what is there. A corrected slice is a new revision, and is predicted beside it.
"""

from __future__ import annotations

import io
from collections.abc import Callable

import pyarrow.parquet as pq

from ckpt_ops.errors import BadInput, LineageMoved
from ckpt_ops.lineage import LineageState, ModelLog
from ckpt_ops.lineage.records import Predicted, Record, SliceRef
from ckpt_ops.lineage.state import SliceStatus
from ckpt_ops.pipeline.pipeline import Pipeline
from ckpt_ops.pipeline.step_results import PredictedSlice
from ckpt_ops.serving.objects import (
    accepted_slice,
    exported_version,
    is_leaving,
    prediction_name,
    there_is,
)
from ckpt_ops.serving.slice_predictions import run_prediction
from ckpt_ops.store import Store

Report = Callable[[str], None]


def predict(
    pipeline: Pipeline, store: Store, key: str, *, version: int | None = None, report: Report = print
) -> PredictedSlice:
    """Predict the slice's accepted revision, unless that is done, and record it in the model's log.

    Args:
        version: the head by default.

    Raises:
        BadInput: there is no head, no such version or no such accepted slice.
        ModelCodeError: the user's functions raised, do not fit, or drop every row.
        PredictionDied, LineageMoved: repeat the request.
    """
    log = ModelLog(store, pipeline.name)
    state = log.state()
    number = state.head if version is None else version
    if number is None:
        raise BadInput("version", None, f"a version: {pipeline.name} has none in production yet")
    exported_version(state, number)
    ref = accepted_slice(state, key)
    name = prediction_name(pipeline.name, number, ref)
    found = there_is(store, name)
    if not found:
        run_prediction(pipeline, store, number, key, report)
        if not there_is(store, name):
            raise _moved(pipeline.name, ref)
    rows = pq.read_metadata(io.BytesIO(store.get(name))).num_rows
    _record(log, store, Predicted(version=number, slice=ref, object=name, rows=rows))
    return PredictedSlice(
        model=pipeline.name,
        version=number,
        slice=ref.key,
        revision=ref.revision,
        object=name,
        rows=rows,
        slice_rows=ref.rows,
        found=found,
    )


def why_not(store: Store, model: str, key: str) -> str | None:
    """Why the head cannot predict the slice; None when it can."""
    state = ModelLog(store, model).state()
    entry = state.slices.get(key)
    if state.head is None:
        return "no version is in production yet"
    if entry is None or entry.status is not SliceStatus.ACCEPTED:
        return f"slice {key} is {entry.status.value if entry else 'not known'}"
    return None


def _record(log: ModelLog, store: Store, record: Predicted) -> None:
    """Record it once. A purge of rows or version that began meanwhile may not know the file: it goes."""

    def choose(state: LineageState) -> Record | None:
        known = state.predicted.get(f"{record.version} {record.slice.id}")
        if _is_void(state, record) or (known is not None and known.object == record.object):
            return None
        return record

    state = log.decide(choose)
    if _is_void(state, record):
        store.delete(record.object)
        raise _moved(log.model, record.slice)


def _is_void(state: LineageState, record: Predicted) -> bool:
    entry = state.slices.get(record.slice.key)
    stands = entry is not None and entry.status is SliceStatus.ACCEPTED and entry.ref == record.slice
    return not stands or is_leaving(state, record.version)


def _moved(model: str, ref: SliceRef) -> LineageMoved:
    return LineageMoved(
        f"slice {ref.key} of {model} was corrected or withdrawn while revision {ref.revision} was predicted",
        safe="no predictions on that revision are kept",
        next="run the command again: it predicts the current revision",
    )
