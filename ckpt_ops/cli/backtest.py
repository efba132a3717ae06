"""`ckpt-ops backtest`: recorded slices, replayed under other update policies."""

from __future__ import annotations

import json as json_format
from pathlib import Path
from typing import Annotated

import typer

from ckpt_ops.cli import output, render_backtest, views
from ckpt_ops.cli.fleet_backtest import ManyAsked, backtest_all
from ckpt_ops.cli.many import Yes, models_meant
from ckpt_ops.cli.options import FromKey, ModelOrFleet, ToKey
from ckpt_ops.cli.output import Json
from ckpt_ops.cli.store_option import StoreOption, chosen_store
from ckpt_ops.errors import BadInput
from ckpt_ops.worker.progress import Note, Progress


def backtest(
    pipeline: ModelOrFleet,
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
    yes: Yes = False,
    store: StoreOption = None,
    json: Json = False,
) -> None:
    """Replay recorded slices under other update policies.

    Under each policy, a model is trained from scratch over the accepted slices in order, to show what the
    policy would have cost and been worth. The range is all slices by default. Nothing is recorded.

    Of a fleet, or of the models that fit a pattern, each is replayed by itself, after one question; a model
    that fails stops none of the others, and exit code 1 says so. With --output, a model whose result of the
    same question is there is not replayed again.

    Example: ckpt-ops backtest flight_delay --policies policies.py --output compared
    """
    from ckpt_ops.backtest.compare import Asked, run_backtest, usual_metric
    from ckpt_ops.backtest.policies_file import load_policies, pipelines_under
    from ckpt_ops.backtest.recorded import recorded
    from ckpt_ops.pipeline import load_pipeline

    with chosen_store(store) as opened:
        models = models_meant(opened, pipeline)
        if models is not None:
            load_policies(policies)
            if folder is not None:
                _make(folder)
            backtest_all(
                opened,
                models,
                ManyAsked(policies=policies, metric=metric, first=first, last=last, folder=folder),
                yes=yes,
                json=json,
                write=_write,
                progress=_to_stderr,
            )
            return
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

    folder.mkdir(parents=True, exist_ok=True)
    draw(view, folder / "backtest.png")
    written = folder / "backtest.json.part"  # the result is there when its file is, and whole
    written.write_text(json_format.dumps(view, indent=1) + "\n")
    written.replace(folder / "backtest.json")


def _to_stderr(progress: Progress) -> None:
    """Print what became of each slice, but not the progress of its trainings."""
    if isinstance(progress, Note):
        output.note(progress.text)
