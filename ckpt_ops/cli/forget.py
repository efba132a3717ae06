"""`ckpt-ops forget` and `purge`: a person's rows, or whole slices, out of the store and the model."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated

import typer

from ckpt_ops.cli import output, views
from ckpt_ops.cli.options import Model
from ckpt_ops.cli.output import Json
from ckpt_ops.cli.render_forget import change_view, preview_view, purge_timing_view, show_end, show_preview
from ckpt_ops.cli.store_option import StoreOption, chosen_store
from ckpt_ops.errors import TerminalError

if TYPE_CHECKING:
    from ckpt_ops.forget.certificate import Certificate
    from ckpt_ops.forget.request import Asked
    from ckpt_ops.pipeline.step_results import Settled

Slices = Annotated[
    list[str] | None,
    typer.Option("--slice", metavar="KEY", help="Key of a whole slice; may be given several times."),
]
Rows = Annotated[
    str,
    typer.Option(
        "--rows",
        metavar="PREDICATE",
        help="Rows of every slice, such as \"person == 'p-17'\". The log keeps the predicate.",
    ),
]
Grace = Annotated[
    float | None,
    typer.Option(
        "--grace-hours",
        min=0.0,
        help="How long old checkpoints are kept for a rollback, once the champion has forgotten; "
        "24 by default.",
    ),
]


def forget(
    model: Model,
    why: Annotated[
        str,
        typer.Option(
            "--why", metavar="TEXT", help="The reason; the log keeps it. Required without --dry-run."
        ),
    ] = "",
    slice_keys: Slices = None,
    rows: Rows = "",
    grace_hours: Grace = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Show what would happen; change nothing.")
    ] = False,
    store: StoreOption = None,
    json: Json = False,
) -> None:
    """Remove rows or slices from the data and from the model.

    Three things happen: revisions without the rows take the place of those with them; the champion is
    retrained without them, by a rebase; after the grace period, the old revisions and checkpoints are deleted
    and a certificate is written. Run the command again to go on after an interruption.

    Example: ckpt-ops forget flight_delay --rows "tailnum == 'N14228'" --why "request 17" --dry-run
    """
    from ckpt_ops.forget.forget import forget as apply
    from ckpt_ops.forget.forget import preview
    from ckpt_ops.forget.purge import purge, purge_timings
    from ckpt_ops.forget.request import Asked
    from ckpt_ops.pipeline import load_intake
    from ckpt_ops.pipeline.result_json import to_json

    intake = load_intake(model)
    asked = Asked(model=intake.name, rows=rows, keys=tuple(slice_keys or ()))
    with chosen_store(store) as opened:
        views.state_of(opened, model)
        if dry_run:
            with output.progress("searching slices") as progress:
                seen = preview(intake, opened, asked, progress)
            output.answer(preview_view(seen, grace_hours), show_preview, json=json)
            return
        with output.progress("searching slices") as progress:
            report = output.nothing if json else output.console().print
            done = apply(
                intake, opened, asked, why=why, grace_hours=grace_hours, report=report, progress=progress
            )
        certificate = None
        if done.known and not done.refused:
            with output.progress("removing") as progress:
                certificate = purge(intake, opened, asked.request, now=datetime.now(UTC), progress=progress)
        timing = {one.said.request: one for one in purge_timings(opened, model)}.get(asked.request)
    view = {
        "request": asked.request,
        "recorded": done.known,
        "slices": [change_view(one) for one in done.changes],
        "rebase": to_json(done.rebased) if done.rebased else None,
        "purge": purge_timing_view(timing) if timing else None,
        "certificate": certificate.name if certificate else None,
    }

    def draw(_: object) -> None:
        if not done.known:
            none = f"None of {done.found.looked_at:,} revisions in the store has {asked.message}"
            output.say(f"{none}: nothing was recorded.")
        elif not done.refused:
            show_end(model, timing, certificate, opened.url)

    output.answer(view, draw, json=json)
    if done.rebased is not None and done.refused:
        raise _rejected(model, asked, done.rebased.settled)


def purge(model: Model, store: StoreOption = None, json: Json = False) -> None:
    """Delete what was forgotten once its grace period is over.

    Requests that are not due yet are listed with the reason. Objects with forgotten rows that came in since
    are deleted, too.

    Example: ckpt-ops purge flight_delay
    """
    from ckpt_ops.forget.purge import purge as apply
    from ckpt_ops.forget.purge import purge_timings, sweep
    from ckpt_ops.pipeline import load_intake

    intake = load_intake(model)
    with chosen_store(store) as opened:
        views.state_of(opened, model)
        certificates: dict[str, Certificate] = {}
        for one in purge_timings(opened, model):
            if one.purged is None:
                with output.progress(f"removing, {one.said.request}") as progress:
                    made = apply(intake, opened, one.said.request, now=datetime.now(UTC), progress=progress)
                if made is not None:
                    certificates[one.said.request] = made
        with output.progress("searching slices") as progress:
            swept = sweep(intake, opened, progress)
        found = purge_timings(opened, model)

    def draw(_: object) -> None:
        if not found:
            output.say(f"Nothing was ever forgotten in {model}.")
        for one in found:
            show_end(model, one, certificates.get(one.said.request), opened.url)
        if swept:
            output.say(f"{swept:,} objects that had come in since with such rows were removed.")

    view = {"swept": swept, "requests": [purge_timing_view(one) for one in found]}
    output.answer(view, draw, json=json)


def _rejected(model: str, asked: Asked, settled: Settled) -> TerminalError:
    from ckpt_ops.pipeline.step_results import Settlement

    promote = f"ckpt-ops promote {model} {settled.version} --approve"
    next_ = f"{promote} --why TEXT, then again: {asked.command()}"
    if settled.decision is not Settlement.WAITING:
        next_ = (
            f"ckpt-ops show {model} {settled.version}; with other gates: {asked.command()}; "
            f"or {promote} --despite-gates --why TEXT, and then the same"
        )
    return TerminalError(
        f"version {settled.version} of {model}, trained without {asked.message}, was "
        f"{settled.decision}: {settled.why}. The champion still knows them",
        safe="nothing was removed; the champion serves on; no such row is accepted any more",
        next=next_,
    )
