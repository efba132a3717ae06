"""`ckpt-ops production`, `diff`, `card`: what was in production when, two versions side by side, a card."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from ckpt_ops.cli import output, render_versions, views
from ckpt_ops.cli.options import Model, OptionalVersion
from ckpt_ops.cli.output import Json
from ckpt_ops.cli.store_option import StoreOption, chosen_store
from ckpt_ops.errors import BadInput, ObjectNotFound
from ckpt_ops.lineage import LineageState
from ckpt_ops.lineage.production import production as periods_of
from ckpt_ops.store import Store


def production(model: Model, store: StoreOption = None, json: Json = False) -> None:
    """List which version was in production when, and why.

    Of each period, oldest first: from and to, how the version came into production, by whom and why.

    Example: ckpt-ops production flight_delay
    """
    with chosen_store(store) as opened:
        periods = periods_of(views.records_of(opened, model))
    found = [{**asdict(period), "how": period.how.value} for period in periods]
    output.answer(found, lambda listed: render_versions.show_production(model, listed), json=json)


def diff(
    model: Model,
    first: Annotated[int, typer.Argument(metavar="V1", help="Number of a version.")],
    second: Annotated[int, typer.Argument(metavar="V2", help="Number of the version to compare it with.")],
    code: Annotated[
        bool, typer.Option("--code", help="Show what changed in the code, line by line.")
    ] = False,
    store: StoreOption = None,
    json: Json = False,
) -> None:
    """Compare two versions: data, code, metrics, gates, weights.

    Side by side: slices and their revisions, ancestry, digests of code and libraries, settings, steps, time,
    metrics and verdicts; and how far apart the tensors are. With --code: the files that their copies of the
    pipeline's code do not share.

    Example: ckpt-ops diff flight_delay 6 7
    """
    from ckpt_ops.diagnostics.code_diff import code_diff
    from ckpt_ops.diagnostics.diff import diff_view

    with chosen_store(store) as opened:
        state = views.state_of(opened, model)
        if code:
            changed = code_diff(opened, state, first, second)
            output.answer(changed, render_versions.show_code_diff, json=json)
            return
        found = diff_view(opened, state, first, second)
        for side in (found["a"], found["b"]):
            side["settings"] = _settings(opened, state, side["version"])
    output.answer(found, render_versions.show_diff, json=json)


def card(
    model: Model,
    version: OptionalVersion = None,
    store: StoreOption = None,
    json: Json = False,
    markdown: Annotated[
        Path | None, typer.Option("--markdown", metavar="FILE", help="Write the card to this file.")
    ] = None,
) -> None:
    """Print the model card of a version.

    Its data, lineage, metrics, gates, cost and decision, as Markdown.

    Example: ckpt-ops card flight_delay 7 --markdown card.md
    """
    from ckpt_ops.promotion.card import card_markdown, model_card, placement_in

    if json and markdown is not None:
        raise BadInput("--json/--markdown", str(markdown), "one of them")
    with chosen_store(store) as opened:
        state = views.state_of(opened, model)
        number = views.chosen_version(state, version)
        found = model_card(state, number, placement_in(opened, state.version(number)))
    if markdown is None:
        output.answer(
            found, lambda card: output.console().print(card_markdown(card), soft_wrap=True, end=""), json=json
        )
    else:
        markdown.write_text(card_markdown(found))
        output.say(str(markdown))


def _settings(store: Store, state: LineageState, number: int) -> str | None:
    """Whether the pipeline's settings that shape weights are those of today; None: unknown.

    A checkpoint does not hold them, but the candidate's id is a hash over them.
    """
    from ckpt_ops.checkpoints import load_manifest
    from ckpt_ops.diagnostics.retrain import changed
    from ckpt_ops.pipeline import load_pipeline

    version = state.version(number)
    try:
        pipeline = load_pipeline(state.model)
        manifest = load_manifest(store, version.trained.final if version.trained else "none")
    except (BadInput, ObjectNotFound):
        return None
    return "not those of today" if "settings" in changed(pipeline, state, version, manifest) else "as today"
