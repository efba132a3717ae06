"""`ckpt-ops bisect`, `reproduce`, `audit`: how a model came to be what it is. They record nothing."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Annotated

import typer

from ckpt_ops.cli import output, render_diagnose, views
from ckpt_ops.cli.options import Model, Version
from ckpt_ops.cli.output import Json
from ckpt_ops.cli.store_option import StoreOption, chosen_store
from ckpt_ops.errors import TerminalError

if TYPE_CHECKING:
    from ckpt_ops.worker import Progress


def bisect(
    model: Model,
    metric: Annotated[
        str,
        typer.Option(
            "--metric",
            help="Name of the metric, as gates have it: auc, log_loss, rmse ...; of an output: click:auc.",
        ),
    ],
    below: Annotated[
        float | None,
        typer.Option(
            "--below", metavar="X", help="A value below X is wrong; for a metric that should be large."
        ),
    ] = None,
    above: Annotated[
        float | None,
        typer.Option(
            "--above", metavar="X", help="A value above X is wrong; for a metric that should be small."
        ),
    ] = None,
    on: Annotated[
        str | None,
        typer.Option(
            "--on", metavar="KEY", help="Slice whose held-out rows are measured; the newest by default."
        ),
    ] = None,
    store: StoreOption = None,
    json: Json = False,
) -> None:
    """Find the slice after which a metric went wrong.

    The ancestors of the version in production are measured; what is no longer kept is trained again. Give
    --below or --above. Nothing is recorded.

    Example: ckpt-ops bisect flight_delay --metric auc --below 0.6
    """
    from ckpt_ops.diagnostics.bisect import run_bisect
    from ckpt_ops.diagnostics.bisect_question import Question, measured_on
    from ckpt_ops.pipeline import load_pipeline

    question = Question(metric=metric, below=below, above=above, on=on)
    with chosen_store(store) as opened:
        state = views.state_of(opened, model)
        measured_on(state, question)
        result = run_bisect(load_pipeline(model), opened, state.head or 0, question, _to_stderr)
    found = {"model": model, **result.to_json()}
    output.answer(found, render_diagnose.show_bisect, json=json)


def reproduce(
    model: Model,
    version: Version,
    from_scratch: Annotated[
        bool, typer.Option("--from-scratch", help="Start from scratch and train all ancestors, too.")
    ] = False,
    anyway: Annotated[
        bool, typer.Option("--anyway", help="Train even if code, settings or libraries have changed since.")
    ] = False,
    store: StoreOption = None,
    json: Json = False,
) -> None:
    """Train a version again and compare every tensor.

    Training starts from the nearest ancestor whose checkpoint is kept, usually the parent, and repeats the
    recorded steps. Nothing is recorded. Exit code 1: a tensor differs. Where
    operations are not deterministic, it says how far, as equal bits are not to be expected.

    Example: ckpt-ops reproduce flight_delay 7
    """
    from ckpt_ops.diagnostics.reproduce import run_reproduce
    from ckpt_ops.diagnostics.reproduction import Outcome, trained_version
    from ckpt_ops.pipeline import load_pipeline

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
    output.answer(found, render_diagnose.show_reproduced, json=json)
    if found["outcome"] == Outcome.DIFFERENT:
        count, equal = len(found["different"]), len(found["equal"])
        raise TerminalError(
            f"{model} v{version}, trained again, is different: {count} of {count + equal} tensors differ",
            safe="nothing was written to the store; the version is as it was",
            next="look at:" + "".join(f"\n  {cause}" for cause in render_diagnose.causes(found)),
        )


def audit(
    model: Model,
    metric: Annotated[
        str | None,
        typer.Option(
            "--metric", help="Name of the metric; by default that of the first AtLeast or AtMost gate."
        ),
    ] = None,
    newest: Annotated[
        int,
        typer.Option("--newest", metavar="N", help="Measure on the held-out rows of the newest N slices."),
    ] = 4,
    epochs: Annotated[
        int,
        typer.Option(
            "--epochs", metavar="N", help="Passes over all slices for the model trained from scratch."
        ),
    ] = 4,
    store: StoreOption = None,
    json: Json = False,
) -> None:
    """Compare the champion with a model trained from scratch.

    That model is trained on all slices that the champion has consumed. Nothing is recorded.

    Example: ckpt-ops audit flight_delay --newest 8
    """
    from ckpt_ops.backtest.compare import usual_metric
    from ckpt_ops.diagnostics.audit import Audit, consumed, run_audit
    from ckpt_ops.pipeline import load_pipeline

    pipeline = load_pipeline(model)
    asked = Audit(metric=metric or usual_metric(pipeline), newest=newest, epochs=epochs)
    with chosen_store(store) as opened:
        state = views.state_of(opened, model)
        consumed(state)
        result = run_audit(pipeline, opened, state.head or 0, asked, _to_stderr)
    found = {"model": model, **result.to_json()}
    output.answer(found, render_diagnose.show_audit, json=json)


def _to_stderr(progress: Progress) -> None:
    """Print how far the process has come. The rest of its output is TensorFlow's, or in the answer."""
    output.note(progress.text)
