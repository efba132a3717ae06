"""The command that replays recorded slices under other update policies."""

from __future__ import annotations

import json as json_format
from pathlib import Path
from typing import Annotated

import typer

from ckpt_ops.cli import render, render_backtest, views
from ckpt_ops.cli.read_commands import Json
from ckpt_ops.cli.store_option import StoreOption, chosen_store
from ckpt_ops.errors import BadInput
from ckpt_ops.worker.progress import Note, Progress


def backtest(
    pipeline: Annotated[str, typer.Argument(metavar="PIPELINE", help="Name of the pipeline.")],
    policies: Annotated[
        Path,
        typer.Option(
            "--policies", metavar="FILE", help="Python; each name bound to a policy is one to compare."
        ),
    ],
    first: Annotated[
        str | None, typer.Option("--from", metavar="KEY", help="First slice; the oldest by default.")
    ] = None,
    last: Annotated[
        str | None, typer.Option("--to", metavar="KEY", help="Last slice; the newest by default.")
    ] = None,
    metric: Annotated[
        str | None,
        typer.Option("--metric", help="As gates name it; that of the first AtLeast or AtMost by default."),
    ] = None,
    output: Annotated[
        Path | None,
        typer.Option("--output", metavar="DIR", help="Write backtest.json and backtest.png there, too."),
    ] = None,
    store: StoreOption = None,
    json: Json = False,
) -> None:
    """Replay recorded slices under several update policies: what each would have cost, and been worth.

    A model is trained from nothing under each policy, over the slices that the log has accepted, in order.
    Nothing is recorded and nothing is written to the store.
    """
    from ckpt_ops.pipeline import load_pipeline
    from ckpt_ops.pipeline.backtest.comparing import Asked, run_backtest, usual_metric
    from ckpt_ops.pipeline.backtest.policies_file import load_policies, pipelines_under
    from ckpt_ops.pipeline.backtest.recorded import recorded

    described = load_pipeline(pipeline)
    pipelines_under(described, load_policies(policies))
    asked = Asked(policies=policies, metric=metric or usual_metric(described), first=first, last=last)
    if output is not None:
        _make(output)
    with chosen_store(store) as opened:
        state = views.state_of(opened, pipeline)
        recorded(state, first=first, last=last)
        result = run_backtest(described, opened, state.head or 0, asked, _to_stderr)
    found = {"model": pipeline, **result.to_json()}
    if output is not None:
        _write(found, output)
    if json:
        render.as_json(found)
    else:
        render_backtest.show_backtest(found)
        if output is not None:
            render.console().print(f"Written: {output}/backtest.json, {output}/backtest.png", soft_wrap=True)


def _make(folder: Path) -> None:
    """Before anything trains."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise BadInput("--output", str(folder), f"a folder that can be made: {error.strerror}") from error


def _write(view: views.View, folder: Path) -> None:
    from ckpt_ops.pipeline.backtest.picture import draw

    (folder / "backtest.json").write_text(json_format.dumps(view, indent=1) + "\n")
    draw(view, folder / "backtest.png")


def _to_stderr(progress: Progress) -> None:
    """What came of each slice; not how each of its trainings goes."""
    if isinstance(progress, Note):
        render.note(progress.text)
