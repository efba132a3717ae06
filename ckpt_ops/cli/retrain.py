"""`ckpt-ops retrain`: a version that sees the history again."""

from __future__ import annotations

from typing import Annotated

import typer

from ckpt_ops.cli import output, views
from ckpt_ops.cli.options import Model
from ckpt_ops.cli.output import Json
from ckpt_ops.cli.store_option import StoreOption, chosen_store
from ckpt_ops.errors import BadInput, TerminalError


def retrain(
    model: Model,
    from_scratch: Annotated[
        bool, typer.Option("--from-scratch", help="Begin with initial weights; it replaces the champion.")
    ] = False,
    from_champion: Annotated[
        bool, typer.Option("--from-champion", help="Go on from the version in production.")
    ] = False,
    slices: Annotated[
        str | None,
        typer.Option("--slices", metavar="FROM:TO", help="Consumed slices of this range; all by default."),
    ] = None,
    newest: Annotated[
        int | None, typer.Option("--newest", metavar="N", help="The newest N consumed slices.")
    ] = None,
    max_steps: Annotated[
        int | None,
        typer.Option("--max-steps", metavar="N", help="Train N steps; by default, the pipeline's budget."),
    ] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only show what would be trained.")] = False,
    why: Annotated[
        str, typer.Option("--why", metavar="TEXT", help="The reason; the log keeps it. A dry run needs none.")
    ] = "",
    store: StoreOption = None,
    json: Json = False,
) -> None:
    """Train a version that sees the model's history again.

    In the same log and numbering, from scratch or from the version in production. It becomes the head only if
    it passes every gate, compared with that version. Slices that a version from scratch does not see are not
    trained on again by themselves. After an interruption, run the same command again to go on.

    Example: ckpt-ops retrain flight_delay --from-scratch --newest 8 --why "a fresh start, by the audit"
    """
    from ckpt_ops.lineage.retraining import Begin, Selection
    from ckpt_ops.pipeline import load_pipeline
    from ckpt_ops.pipeline.result_json import to_json
    from ckpt_ops.pipeline.step_results import Settlement
    from ckpt_ops.retrain.proposal import Asked
    from ckpt_ops.retrain.view import retrain_lines, retrain_view
    from ckpt_ops.runs import retrain as retraining

    if from_scratch == from_champion:
        given = "both" if from_scratch else "none"
        raise BadInput("--from-scratch/--from-champion", given, "one of the two")
    asked = Asked(
        begin=Begin.SCRATCH if from_scratch else Begin.CHAMPION,
        selection=Selection.of(slices, newest=newest),
        max_steps=max_steps,
        why=why.strip(),
    )
    pipeline = load_pipeline(model)
    with chosen_store(store) as opened:
        views.state_of(opened, model)
        if dry_run:
            view = retrain_view(pipeline, *retraining.plan(pipeline, opened, asked))
            output.answer(view, lambda found: output.say("\n".join(retrain_lines(found))), json=json)
            return
        report = output.nothing if json else output.console().print
        settled = retraining.retrain(pipeline, opened, asked, report)
    output.answer(to_json(settled), lambda _: None, json=json)  # people read it in the report
    if settled.decision not in (Settlement.PROMOTED, Settlement.WAITING):
        override = f"ckpt-ops promote {model} {settled.version} --approve --despite-gates --why TEXT"
        raise TerminalError(
            f"version {settled.version} of {model} was {settled.decision}: {settled.why}",
            safe="the champion serves on; nothing that was consumed is pending again",
            next=f"ckpt-ops show {model} {settled.version} has the verdicts; {override} overrides them",
        )
