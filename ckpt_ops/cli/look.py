"""Commands that change nothing."""

from __future__ import annotations

from typing import Annotated

import typer

from ckpt_ops.cli import render, views
from ckpt_ops.cli.store_option import StoreOption, chosen_store
from ckpt_ops.lineage import model_names

Model = Annotated[str, typer.Argument(metavar="MODEL", help="Name of the model; it is its pipeline's.")]
Version = Annotated[
    int | None, typer.Argument(metavar="[VERSION]", help="The head, else the newest, by default.")
]
Json = Annotated[bool, typer.Option("--json", help="Print JSON and nothing else.")]

CHAMPION_TAINTED = 3
"""Exit code of `status`."""


def status(
    model: Annotated[str | None, typer.Argument(metavar="[MODEL]", help="One model; all by default.")] = None,
    store: StoreOption = None,
    json: Json = False,
) -> None:
    """Head, metric, hold, pending slices and last records of each model. Exits with 3 when one is tainted."""
    with chosen_store(store) as opened:
        names = model_names(opened) if model is None else [model]
        found = [views.status_view(opened, name) for name in names]
    if json:
        render.as_json(found)
    elif found:
        render.show_status(found)
    else:
        render.console().print("No models yet: a pipeline's first run makes one.")
    if any(view["tainted"] for view in found):
        raise typer.Exit(CHAMPION_TAINTED)


def log(model: Model, store: StoreOption = None, json: Json = False) -> None:
    """Every record of a model's history, first to last."""
    with chosen_store(store) as opened:
        found = views.log_view(views.records_of(opened, model))
    if json:
        render.as_json(found)
    else:
        render.show_log(found)


def show(
    model: Model,
    version: Version = None,
    store: StoreOption = None,
    json: Json = False,
) -> None:
    """What a version learned from, how it was trained and judged, and what became of it."""
    with chosen_store(store) as opened:
        state = views.state_of(opened, model)
        number = views.chosen_version(state, version)
        found = views.version_view(opened, model, state, number)
    if json:
        render.as_json(found)
    else:
        render.show_version(found)


def slices(
    model: Model,
    store: StoreOption = None,
    late_within: Annotated[
        int, typer.Option(min=0, help="As `late_slices` of the pipeline; 4 is its default.")
    ] = 4,
    json: Json = False,
) -> None:
    """Every slice: revision, verdict, which version consumed it, and what a run of it would do."""
    with chosen_store(store) as opened:
        state = views.state_of(opened, model)
        found = views.slices_view(state, late_within=late_within)
    if json:
        render.as_json(found)
        return
    render.show_slices(found)
    gaps = views.gaps(state)
    if gaps:
        asks = f"ckpt-ops plan {model} asks the source"
        if state.versions:
            asks = f"ckpt-ops plan {model} --from {gaps[0]} --to {gaps[-1]} asks the source"
        out = render.console()
        out.print(f"By the spacing of these, none of {render.few(gaps)} has come: {asks}", soft_wrap=True)
