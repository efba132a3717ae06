"""The process that predicts a slice."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet as pq

from ckpt_ops.candidates.as_served.exported import exported, served
from ckpt_ops.candidates.given import pipeline_of
from ckpt_ops.candidates.slice_rows import StoredRows
from ckpt_ops.candidates.standing_by import MODEL
from ckpt_ops.column_times import Columns, as_text, from_text
from ckpt_ops.errors import CkptOpsError, ModelCodeError, PredictionDied
from ckpt_ops.evaluation.columns import as_lists
from ckpt_ops.former_columns import STATED, FormerNames, in_short
from ckpt_ops.lineage import ModelLog, VersionState
from ckpt_ops.lineage.records import SliceRef
from ckpt_ops.lists import is_cells
from ckpt_ops.outputs import each
from ckpt_ops.pipeline.code.own import code_digest
from ckpt_ops.pipeline.code.then import code_of_version
from ckpt_ops.pipeline.model_work import ModelRequest, run_work
from ckpt_ops.pipeline.pipeline import Pipeline
from ckpt_ops.serving.objects import accepted_slice, exported_version, prediction_name
from ckpt_ops.serving.rows import every_row
from ckpt_ops.slices.declared import columns_of
from ckpt_ops.store import Store
from ckpt_ops.worker import Ended

METADATA_KEY = b"ckpt_ops.predictions"


@dataclass(frozen=True, kw_only=True)
class PredictionRequest(ModelRequest):
    """Let `version` predict the slice `key`.

    Attributes:
        absent: columns that the slice lacks as the source declares them today, as `column_times` writes
            them: an old version's code may know nothing of a column that went since.
        former: the names that columns had, as the pipeline states them today; of an old version only.
    """

    key: str
    absent: str = ""
    former: FormerNames = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class RowsPredicted:
    """How many rows of a slice were predicted."""

    rows: int


def run_prediction(
    pipeline: Pipeline, store: Store, number: int, key: str, report: Callable[[str], None]
) -> int:
    """As `predict`, in a process of its own, by the code that the version was trained by.

    Raises:
        PredictionDied: the process ended without an answer.
        CkptOpsError: what it raised, as it raised it.
    """

    def died(ended: Ended) -> CkptOpsError:
        return PredictionDied(
            f"the process that predicts slice {key} by {pipeline.name} v{number} {ended.message}",
            safe="nothing was written; the champion serves on",
            next=f"run the command again; the whole log is {ended.log}",
        )

    version = exported_version(ModelLog(store, pipeline.name).state(), number)
    request = PredictionRequest(
        pipeline=pipeline.name,
        store=store.url,
        version=number,
        key=key,
        absent=as_text(columns_of(pipeline.source, key)),
    )
    with code_of_version(pipeline, store, version) as code:
        if code is not None:
            request = replace(request, former=pipeline.evolve.columns)
        try:
            done = run_work(
                predict_apart,
                request,
                pipeline,
                named="predict",
                code=code,
                report=report,
                died=died,
                imports=MODEL,
            )
        except ModelCodeError as error:
            if code is None:
                raise
            raise ModelCodeError(
                f"with the kept code of version {number}, {error.what}",
                safe="nothing was written; the champion serves on",
                next=f"if a column was renamed since, say so in the pipeline: evolve={STATED}; "
                f"else {error.next}",
            ) from error
    return done.rows


def predict_apart(request: PredictionRequest) -> RowsPredicted:
    """As `predict`."""
    pipeline, store = request.opened()
    return RowsPredicted(
        rows=predict(
            pipeline,
            store,
            request.version,
            request.key,
            besides=from_text(request.absent),
            former=request.former,
        )
    )


def predict(
    pipeline: Pipeline,
    store: Store,
    number: int,
    key: str,
    *,
    besides: Columns | None = None,
    former: FormerNames | None = None,
) -> int:
    """Write the version's predictions on the slice's accepted revision; how many rows they are.

    One row group at a time is in memory, and the finished file: a row number, and of each output k
    numbers per row; where it predicts for each position, a list.

    Args:
        besides: columns that the slice lacks by a declaration other than the pipeline's.
        former: names that its columns had, for the code of an older version.

    Raises:
        BadInput, ObjectNotFound: as `exported_version` and `accepted_slice`; or the export is gone.
        ModelCodeError: the user's functions raised or do not fit, or drop every row.
    """
    log = ModelLog(store, pipeline.name)
    state = log.state()
    version, ref = exported_version(state, number), accepted_slice(state, key)
    with tempfile.TemporaryDirectory(prefix="ckpt-ops-predictions-") as folder:
        path = Path(folder) / "predictions.parquet"
        with exported(store, version) as model:
            stored = StoredRows(pipeline, store, besides=besides, former=former)
            rows = _write(pipeline_of(pipeline, store, version), stored, version, ref, model, path)
        state = log.state()
        exported_version(state, number)  # it may have been forgotten meanwhile, or the slice corrected
        if accepted_slice(state, key) == ref:
            store.put(prediction_name(pipeline.name, number, ref), path.read_bytes())
    return rows


def _write(
    pipeline: Pipeline,
    stored: StoredRows,
    version: VersionState,
    ref: SliceRef,
    model: Path,
    path: Path,
) -> int:
    ask, writer, rows = served(model), None, 0
    try:
        for numbers, inputs in every_row(pipeline, stored, ref):
            table = _table(numbers, ask(inputs))
            if writer is None:
                about = _about(pipeline, version, ref, stored.renamed)
                schema = table.schema.with_metadata({METADATA_KEY: json.dumps(about).encode()})
                writer = pq.ParquetWriter(path, schema, compression="zstd")
            writer.write_table(table.cast(writer.schema))
            rows += table.num_rows
    finally:
        if writer is not None:
            writer.close()
    if not rows:
        raise ModelCodeError(
            f"{pipeline.examples} keeps none of the {ref.rows:,} rows of slice {ref.key}: nothing to predict",
            safe="nothing was written; the champion serves on",
            next="name inputs= in the pipeline: a function that needs no label and drops no row",
        )
    return rows


def _table(numbers: npt.NDArray[np.int64], predicted: npt.NDArray[Any]) -> pa.Table:
    columns: dict[str, Any] = {"row": numbers}
    for name, of_output in each(predicted).items():
        called = f"prediction_{name}" if name else "prediction"
        if is_cells(of_output):
            columns[called] = as_lists(of_output)
        elif of_output.ndim == 1:
            columns[called] = of_output
        else:
            columns |= {f"{called}_{at}": of_output[:, at] for at in range(of_output.shape[1])}
    return pa.table(columns)


def _about(pipeline: Pipeline, version: VersionState, ref: SliceRef, former: FormerNames) -> dict[str, Any]:
    """The file's metadata; `code_digest` is of the code that made inputs from the rows.

    Args:
        former: columns that this code read by a former name.
    """
    if former:
        print(f"the version's own code is given column {in_short(former)}", flush=True)
    about = {
        "model": pipeline.name,
        "version": version.version,
        "candidate": version.candidate,
        "slice": ref.key,
        "revision": ref.revision,
        "slice_rows": ref.rows,
        "code_digest": code_digest(pipeline),
    }
    return {**about, "former": dict(former)} if former else about
