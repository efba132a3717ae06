"""`ckpt-ops predict`: what a version predicts of a slice, kept in the store."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from ckpt_ops.checkpoints.atomic_output import check_new, whole
from ckpt_ops.cli import output, views
from ckpt_ops.cli.options import Model
from ckpt_ops.cli.output import Json
from ckpt_ops.cli.store_option import StoreOption, chosen_store
from ckpt_ops.pipeline import load_pipeline
from ckpt_ops.pipeline.result_json import to_json
from ckpt_ops.pipeline.step_results import PredictedSlice
from ckpt_ops.serving.predict import predict as predict_slice


def predict(
    model: Model,
    slice: Annotated[
        str, typer.Option("--slice", metavar="KEY", help="Key of the slice; its accepted revision is used.")
    ],
    version: Annotated[
        int | None, typer.Option("--version", help="Number of the version; the head by default.")
    ] = None,
    out: Annotated[
        Path | None,
        typer.Option("--out", metavar="FILE", help="Also write the predictions to this Parquet file."),
    ] = None,
    store: StoreOption = None,
    json: Json = False,
) -> None:
    """Predict every row of a slice and keep the predictions.

    They are kept in the store as Parquet, under the version.

    Example: ckpt-ops predict flight_delay --slice 2013-01-27 --out predictions.parquet
    """
    if out is not None:
        check_new(out)
    with chosen_store(store) as opened:
        views.state_of(opened, model)
        made = predict_slice(load_pipeline(model), opened, slice, version=version, report=output.nothing)
        url = opened.url.rstrip("/")
        if out is not None:
            with whole(out) as staged:
                staged.write_bytes(opened.get(made.object))
    output.answer(to_json(made), lambda _: _show(model, slice, made, url), json=json)


def _show(model: str, key: str, made: PredictedSlice, url: str) -> None:
    there = "are there already" if made.found else "are made"
    output.say(
        f"Predictions of {model} v{made.version} on slice {key} {there}: {url}/{made.object}\n"
        f"{made.rows:,} of its {made.slice_rows:,} rows."
    )
