"""Commands that show versions: what was in production when, two side by side, the model card."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from ckpt_ops.cli import render, render_versions, views
from ckpt_ops.cli.look import Json, Model, Version
from ckpt_ops.cli.store_option import StoreOption, chosen_store
from ckpt_ops.errors import BadInput, ObjectNotFound
from ckpt_ops.lineage import LineageState
from ckpt_ops.lineage.production import production as periods_of
from ckpt_ops.store import Store


def production(model: Model, store: StoreOption = None, json: Json = False) -> None:
    """What was in production when, by whom, how and why; first to last."""
    with chosen_store(store) as opened:
        periods = periods_of(views.records_of(opened, model))
    found = [{**asdict(period), "how": period.how.value} for period in periods]
    if json:
        render.as_json(found)
    elif found:
        render_versions.show_production(model, found)
    else:
        render.console().print(f"Nothing of {model} was in production yet.")


def diff(
    model: Model,
    first: Annotated[int, typer.Argument(metavar="V1")],
    second: Annotated[int, typer.Argument(metavar="V2")],
    store: StoreOption = None,
    json: Json = False,
) -> None:
    """Two versions side by side: data, lineage, code, metrics, verdicts, cost, distance of the weights."""
    from ckpt_ops.serving.diff import diff_view

    with chosen_store(store) as opened:
        state = views.state_of(opened, model)
        found = diff_view(opened, state, first, second)
        for side in (found["a"], found["b"]):
            side["settings"] = _settings(opened, state, side["version"])
    if json:
        render.as_json(found)
    else:
        render_versions.show_diff(found)


def card(
    model: Model,
    version: Version = None,
    store: StoreOption = None,
    json: Json = False,
    markdown: Annotated[
        Path | None, typer.Option("--markdown", metavar="FILE", help="Write it there, as Markdown.")
    ] = None,
) -> None:
    """A version's model card: data, lineage, metrics, gates, cost and decision."""
    from ckpt_ops.serving.card import card_markdown, model_card

    if json and markdown is not None:
        raise BadInput("--json/--markdown", str(markdown), "one of them")
    with chosen_store(store) as opened:
        state = views.state_of(opened, model)
    found = model_card(state, views.chosen_version(state, version))
    if json:
        render.as_json(found)
    elif markdown is not None:
        markdown.write_text(card_markdown(found))
        render.console().print(str(markdown), soft_wrap=True)
    else:
        render.console().print(card_markdown(found), soft_wrap=True, end="")


def _settings(store: Store, state: LineageState, number: int) -> str | None:
    """Whether the pipeline's settings that shape weights are those of today; None: it cannot be told.

    A checkpoint does not hold them, but the candidate's id is a hash over them.
    """
    from ckpt_ops.checkpoints import load_manifest
    from ckpt_ops.pipeline import load_pipeline
    from ckpt_ops.pipeline.history.retrain import changed

    version = state.version(number)
    try:
        pipeline = load_pipeline(state.model)
        manifest = load_manifest(store, version.trained.final if version.trained else "none")
    except (BadInput, ObjectNotFound):
        return None
    return "others than today" if "settings" in changed(pipeline, state, version, manifest) else "as today"
