"""Commands that ask how a model came to be what it is. They train, if they have to, and write nothing."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Annotated

import typer

from ckpt_ops.cli import render, render_history, views
from ckpt_ops.cli.read_commands import Json, Model
from ckpt_ops.cli.store_option import StoreOption, chosen_store
from ckpt_ops.errors import TerminalError

if TYPE_CHECKING:
    from ckpt_ops.worker import Progress


def bisect(
    model: Model,
    metric: Annotated[str, typer.Option("--metric", help="As gates name it: auc, log_loss, rmse ...")],
    below: Annotated[
        float | None,
        typer.Option("--below", metavar="X", help="Wrong is less than X; where larger is better."),
    ] = None,
    above: Annotated[
        float | None,
        typer.Option("--above", metavar="X", help="Wrong is more than X; where smaller is better."),
    ] = None,
    on: Annotated[
        str | None,
        typer.Option(
            "--on", metavar="KEY", help="Measure on the held-out rows of this slice; the newest by default."
        ),
    ] = None,
    store: StoreOption = None,
    json: Json = False,
) -> None:
    """Find the slice after which a metric went wrong, in the history of the version in production.

    What is kept is measured; what is not is trained again, without being recorded.
    """
    from ckpt_ops.pipeline import load_pipeline
    from ckpt_ops.pipeline.history.bisecting import Question, measured_on
    from ckpt_ops.pipeline.history.first_wrong import run_bisect

    question = Question(metric=metric, below=below, above=above, on=on)
    with chosen_store(store) as opened:
        state = views.state_of(opened, model)
        measured_on(state, question)
        result = run_bisect(load_pipeline(model), opened, state.head or 0, question, _to_stderr)
    found = {"model": model, **result.to_json()}
    if json:
        render.as_json(found)
    else:
        render_history.show_bisect(found)


def reproduce(
    model: Model,
    version: Annotated[int, typer.Argument(metavar="VERSION")],
    from_scratch: Annotated[
        bool, typer.Option("--from-scratch", help="From nothing, through all of its ancestors.")
    ] = False,
    anyway: Annotated[
        bool, typer.Option("--anyway", help="Also where today's code, settings or libraries are others.")
    ] = False,
    store: StoreOption = None,
    json: Json = False,
) -> None:
    """Train a version again from its lineage and compare every tensor. Exit code 1 when one differs."""
    from ckpt_ops.pipeline import load_pipeline
    from ckpt_ops.pipeline.history.rebuilding import run_reproduce
    from ckpt_ops.pipeline.history.reproducing import trained_version

    began = time.monotonic()
    with chosen_store(store) as opened:
        trained_version(views.state_of(opened, model), version)
        result = run_reproduce(
            load_pipeline(model),
            opened,
            version,
            from_scratch=from_scratch,
            anyway=anyway,
            progress=_to_stderr,
        )
    found = {"model": model, "version": version, **result.to_json(), "seconds": time.monotonic() - began}
    if json:
        render.as_json(found)
    else:
        render_history.show_reproduced(found)
    if found["different"]:
        count, equal = len(found["different"]), len(found["equal"])
        raise TerminalError(
            f"{model} v{version} trained again is another: {count} of {count + equal} tensors differ",
            safe="nothing was written to the store; the version is as it was",
            next="look at:" + "".join(f"\n  {cause}" for cause in render_history.causes(found)),
        )


def audit(
    model: Model,
    metric: Annotated[
        str | None,
        typer.Option("--metric", help="As gates name it; else that of the first AtLeast, AtMost."),
    ] = None,
    newest: Annotated[
        int,
        typer.Option("--newest", metavar="N", help="On the held-out rows of the newest N slices."),
    ] = 4,
    epochs: Annotated[
        int, typer.Option("--epochs", metavar="N", help="Passes of the model from nothing over all slices.")
    ] = 4,
    store: StoreOption = None,
    json: Json = False,
) -> None:
    """Measure the version in production beside a model trained from nothing on all that it learned."""
    from ckpt_ops.pipeline import load_pipeline
    from ckpt_ops.pipeline.backtest.comparing import usual_metric
    from ckpt_ops.pipeline.history.auditing import Audit, learned, run_audit

    pipeline = load_pipeline(model)
    asked = Audit(metric=metric or usual_metric(pipeline), newest=newest, epochs=epochs)
    with chosen_store(store) as opened:
        state = views.state_of(opened, model)
        learned(state)
        result = run_audit(pipeline, opened, state.head or 0, asked, _to_stderr)
    found = {"model": model, **result.to_json()}
    if json:
        render.as_json(found)
    else:
        render_history.show_audit(found)


def _to_stderr(progress: Progress) -> None:
    """How far the process has come. What else it prints is TensorFlow's, or stands in the answer."""
    render.note(progress.text)
