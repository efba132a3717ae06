"""`ckpt-ops status`, `log`, `show`, `slices`: what the log of a model says."""

from __future__ import annotations

from typing import Annotated

import typer

from ckpt_ops.cli import output, render, views
from ckpt_ops.cli.options import Model, OptionalModel, OptionalVersion
from ckpt_ops.cli.output import Json
from ckpt_ops.cli.store_option import StoreOption, chosen_store
from ckpt_ops.lineage import model_names

CHAMPION_TAINTED = 3
"""Exit code of `status`."""


def status(model: OptionalModel = None, store: StoreOption = None, json: Json = False) -> None:
    """Show where each model stands and what needs attention.

    Of each model: the head and its metric, pending slices, holds, slices in quarantine, versions that await
    approval, and the last records. Exit code 3: a champion is tainted.

    Example: ckpt-ops status flight_delay
    """
    with chosen_store(store) as opened:
        names = model_names(opened) if model is None else [model]
        found = [views.status_view(opened, name) for name in names]
    output.answer(found, render.show_status, json=json)
    if any(view["tainted"] for view in found):
        raise typer.Exit(CHAMPION_TAINTED)


def log(model: Model, store: StoreOption = None, json: Json = False) -> None:
    """List every record of a model's log, oldest first.

    Example: ckpt-ops log flight_delay
    """
    with chosen_store(store) as opened:
        found = views.log_view(views.records_of(opened, model))
    output.answer(found, render.show_log, json=json)


def show(
    model: Model, version: OptionalVersion = None, store: StoreOption = None, json: Json = False
) -> None:
    """Show how a version was trained, evaluated and decided on.

    Its slices, parent, update policy, steps and checkpoints, metrics beside the champion's, verdicts of the
    gates, decision, conversions and predictions.

    Example: ckpt-ops show flight_delay 7
    """
    with chosen_store(store) as opened:
        state = views.state_of(opened, model)
        number = views.chosen_version(state, version)
        found = views.version_view(opened, model, state, number)
    output.answer(found, render.show_version, json=json)


def slices(
    model: Model,
    store: StoreOption = None,
    late_within: Annotated[
        int,
        typer.Option(
            min=0,
            help="How many slices late a slice may be and still be appended: the pipeline's `late_slices`.",
        ),
    ] = 4,
    json: Json = False,
) -> None:
    """List a model's slices and what a run of each would do.

    Of each slice: revision, rows, status, the version that consumed it, and the planner's answer. Slices that
    are missing by the spacing of the others are named below.

    Example: ckpt-ops slices flight_delay
    """
    with chosen_store(store) as opened:
        state = views.state_of(opened, model)
        found = views.slices_view(state, late_within=late_within)
    output.answer(found, lambda listed: render.show_slices(model, listed, state), json=json)
