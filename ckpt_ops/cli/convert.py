"""`ckpt-ops convert`: a version in another format, if that predicts the same."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from ckpt_ops.cli import output, views
from ckpt_ops.cli.options import Model, Version
from ckpt_ops.cli.output import Json
from ckpt_ops.cli.store_option import StoreOption, chosen_store
from ckpt_ops.pipeline import load_pipeline
from ckpt_ops.serving.convert import TOLERANCE
from ckpt_ops.serving.convert import convert as convert_version
from ckpt_ops.serving.formats import Format


def convert(
    model: Model,
    version: Version,
    format: Annotated[Format, typer.Option("--format", help="Format to convert to.")],
    tolerance: Annotated[
        float, typer.Option("--tolerance", metavar="X", help="Largest difference that a prediction may have.")
    ] = TOLERANCE,
    store: StoreOption = None,
    json: Json = False,
) -> None:
    """Convert a version to another format and compare the two.

    Both predict the version's held-out rows. The conversion is kept in the store if the predictions agree
    within the tolerance; if not, the log records the refusal.

    Example: ckpt-ops convert flight_delay 7 --format tflite
    """
    with chosen_store(store) as opened:
        views.state_of(opened, model)
        made = convert_version(
            load_pipeline(model), opened, version, format, tolerance=tolerance, report=output.nothing
        )
        url = opened.url.rstrip("/")
    output.answer(made, lambda found: _show(model, version, format, found, url), json=json)


def _show(model: str, version: int, format: Format, made: dict[str, Any], url: str) -> None:
    alike = made["equal_decisions"]
    decisions = "" if alike is None else f", {alike:.2%} of the decisions are equal"
    there = "is there already" if made["found"] else "is made"
    output.say(
        f"{model} v{version} as {format.value} {there}: {url}/{made['object']}\n"
        f"{made['bytes']:,} bytes. On {made['rows']:,} held-out rows it differs from the original by at most "
        f"{made['max_abs_difference']:.2g}{decisions}."
    )
