"""Commands that make something of a version: another format, predictions on a slice."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from ckpt_ops.checkpoints.whole_output import check_new, whole
from ckpt_ops.cli import render, views
from ckpt_ops.cli.read_commands import Json, Model
from ckpt_ops.cli.store_option import StoreOption, chosen_store
from ckpt_ops.pipeline.serving.converting import TOLERANCE
from ckpt_ops.pipeline.serving.formats import Format


def convert(
    model: Model,
    version: Annotated[int, typer.Argument(metavar="VERSION")],
    format: Annotated[Format, typer.Option("--format", help="What to make of its export.")],
    tolerance: Annotated[
        float, typer.Option("--tolerance", metavar="X", help="Largest difference allowed in a prediction.")
    ] = TOLERANCE,
    store: StoreOption = None,
    json: Json = False,
) -> None:
    """Convert a version, compare it with the original on its held-out rows, and keep it if they agree."""
    from ckpt_ops.pipeline import load_pipeline
    from ckpt_ops.pipeline.serving.converting import convert as convert_version

    with chosen_store(store) as opened:
        views.state_of(opened, model)
        made = convert_version(
            load_pipeline(model), opened, version, format, tolerance=tolerance, report=_silent
        )
        url = opened.url.rstrip("/")
    if json:
        render.as_json(made)
        return
    alike = made["equal_decisions"]
    decisions = "" if alike is None else f", {alike:.2%} of decisions alike"
    there = "is there already" if made["found"] else "is made"
    render.console().print(
        f"{model} v{version} as {format.value} {there}: {url}/{made['object']}\n"
        f"{made['bytes']:,} bytes. On {made['rows']:,} held-out rows it differs from the original by at most "
        f"{made['max_abs_difference']:.2g}{decisions}.",
        soft_wrap=True,
    )


def predict(
    model: Model,
    slice: Annotated[str, typer.Option("--slice", metavar="KEY", help="The slice's accepted revision.")],
    version: Annotated[int | None, typer.Option("--version", help="The head by default.")] = None,
    out: Annotated[
        Path | None, typer.Option("--out", metavar="FILE", help="A copy of the Parquet file, here.")
    ] = None,
    store: StoreOption = None,
    json: Json = False,
) -> None:
    """Predict every row of a slice and keep the predictions, as Parquet, under the version."""
    from ckpt_ops.pipeline import load_pipeline
    from ckpt_ops.pipeline.serving.predicting import predict as predict_slice
    from ckpt_ops.pipeline.step_results import to_json

    if out is not None:
        check_new(out)
    with chosen_store(store) as opened:
        views.state_of(opened, model)
        made = predict_slice(load_pipeline(model), opened, slice, version=version, report=_silent)
        url = opened.url.rstrip("/")
        if out is not None:
            with whole(out) as staged:
                staged.write_bytes(opened.get(made.object))
    if json:
        render.as_json(to_json(made))
        return
    there = "are there already" if made.found else "are made"
    render.console().print(
        f"Predictions of {model} v{made.version} on slice {slice} {there}: {url}/{made.object}\n"
        f"{made.rows:,} of its {made.slice_rows:,} rows.",
        soft_wrap=True,
    )


def publish(model: Model, store: StoreOption = None) -> None:
    """Make what a model server reads equal to what the log says: copy what differs, take away the rest."""
    from ckpt_ops.serving.publish import publish as publish_model

    with chosen_store(store) as opened:
        changed = publish_model(opened, model, views.state_of(opened, model), compare=True)
    for name in changed:
        render.console().print(name, soft_wrap=True)
    render.console().print(f"{len(changed)} objects below models/{model}/serving/ were made right.")


def _silent(line: str) -> None:
    """What the process prints is TensorFlow's, or stands in the answer."""
