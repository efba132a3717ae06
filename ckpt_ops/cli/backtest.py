"""`ckpt-ops backtest`: recorded slices, replayed under other update policies."""

from __future__ import annotations

import json as json_format
from pathlib import Path
from typing import Annotated

import typer

from ckpt_ops.cli import output, render_backtest, views
from ckpt_ops.cli.options import FromKey, Model, ToKey
from ckpt_ops.cli.output import Json
from ckpt_ops.cli.store_option import StoreOption, chosen_store
from ckpt_ops.errors import BadInput
from ckpt_ops.worker.progress import Note, Progress


def backtest(
    pipeline: Model,
    policies: Annotated[
        Path,
        typer.Option(
            "--policies", metavar="FILE", help="Python file; every name bound to a policy is compared."
        ),
    ],
    first: FromKey = None,
    last: ToKey = None,
    metric: Annotated[
        str | None,
        typer.Option(
            "--metric", help="Name of the metric; by default that of the first AtLeast or AtMost gate."
        ),
    ] = None,
    folder: Annotated[
        Path | None,
        typer.Option("--output", metavar="DIR", help="Folder for backtest.json and backtest.png."),
    ] = None,
    store: StoreOption = None,
    json: Json = False,
) -> None:
    """Replay recorded slices under other update policies.

    Under each policy, a model is trained from scratch over the accepted slices in order, to show what the
    policy would have cost and been worth. The range is all slices by default. Nothing is recorded.

    Example: ckpt-ops backtest flight_delay --policies policies.py --output compared
    """
    from ckpt_ops.backtest.compare import Asked, run_backtest, usual_metric
    from ckpt_ops.backtest.policies_file import load_policies, pipelines_under
    from ckpt_ops.backtest.recorded import recorded
    from ckpt_ops.pipeline import load_pipeline

    described = load_pipeline(pipeline)
    pipelines_under(described, load_policies(policies))
    asked = Asked(policies=policies, metric=metric or usual_metric(described), first=first, last=last)
    if folder is not None:
        _make(folder)
    with chosen_store(store) as opened:
        state = views.state_of(opened, pipeline)
        recorded(state, first=first, last=last)
        result = run_backtest(described, opened, state.head or 0, asked, _to_stderr)
    found = {"model": pipeline, **result.to_json()}
    if folder is not None:
        _write(found, folder)

    def draw(view: views.View) -> None:
        render_backtest.show_backtest(view)
        if folder is not None:
            output.say(f"Written: {folder}/backtest.json, {folder}/backtest.png")

    output.answer(found, draw, json=json)


def _make(folder: Path) -> None:
    """Before anything trains."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise BadInput("--output", str(folder), f"a folder that can be made: {error.strerror}") from error


def _write(view: views.View, folder: Path) -> None:
    from ckpt_ops.backtest.picture import draw

    (folder / "backtest.json").write_text(json_format.dumps(view, indent=1) + "\n")
    draw(view, folder / "backtest.png")


def _to_stderr(progress: Progress) -> None:
    """Print what became of each slice, but not the progress of its trainings."""
    if isinstance(progress, Note):
        output.note(progress.text)
