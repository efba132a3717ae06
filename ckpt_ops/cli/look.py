"""`ckpt-ops status`, `log`, `show`, `slices`: what the log of a model says."""

from __future__ import annotations

from typing import Annotated

import typer

from ckpt_ops.cli import output, render, views
from ckpt_ops.cli.options import Model, OptionalModel, OptionalVersion
from ckpt_ops.cli.output import Json
from ckpt_ops.cli.store_option import StoreOption, chosen_store
from ckpt_ops.views import StoreViews, plain

CHAMPION_TAINTED = 3
"""Exit code of `status`."""


def status(model: OptionalModel = None, store: StoreOption = None, json: Json = False) -> None:
    """Show where each model stands and what needs attention.

    Of each model: the head and its metric, pending slices, holds, slices in quarantine, versions that await
    approval, and the last records. Of a fleet also the members that no run has begun, and those that its
    description fails for. Exit code 3: a champion is tainted; 1: a log cannot be read, or a member is not
    described; the others are shown.

    Example: ckpt-ops status flight_delay
    """
    with chosen_store(store) as opened:
        shown = StoreViews(opened, keep=False)
        found = plain(shown.statuses()) if model is None else _of_one_or_more(shown, model)
    output.answer(found, render.show_status, json=json)
    if any(view["problem"] or view.get("not_described") for view in found):
        raise typer.Exit(1)
    if any(view["tainted"] for view in found):
        raise typer.Exit(CHAMPION_TAINTED)


def _of_one_or_more(shown: StoreViews, asked: str) -> list[views.View]:
    """A model; or those of a fleet or a pattern."""
    from ckpt_ops.cli.fleet_status import meant, views_of_fleet  # of all models, nothing of it is needed

    several = meant(shown.store, asked)
    if several is not None:
        return views_of_fleet(shown, several)
    return [plain(shown.status(asked))]


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
        shown = StoreViews(opened, keep=False)
        found = plain(shown.version(model, views.chosen_version(shown.state(model), version)))
    output.answer(found, render.show_version, json=json)


def slices(
    model: Model,
    store: StoreOption = None,
    late_within: Annotated[
        int | None,
        typer.Option(
            min=0,
            help="How many slices late a slice may be and still be appended; by default the pipeline's "
            "`late_slices`, as its last run had it.",
        ),
    ] = None,
    json: Json = False,
) -> None:
    """List a model's slices and what a run of each would do.

    Of each slice: revision, rows, status, the version that consumed it, and the planner's answer. Slices that
    are missing by the spacing of the others are named below.

    Example: ckpt-ops slices flight_delay
    """
    with chosen_store(store) as opened:
        view = StoreViews(opened, keep=False).slices(model, most=None, late_within=late_within)
    rows = plain(view.rows[::-1])
    output.answer(rows, lambda listed: render.show_slices(model, listed, view), json=json)
