"""`ckpt-ops forget` and `purge`: a person's rows, or whole slices, out of the store and the model."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated

import typer

from ckpt_ops.cli import render, views
from ckpt_ops.cli.forget_view import change_view, preview_view, show_end, show_preview, standing_view
from ckpt_ops.cli.read_commands import Json, Model
from ckpt_ops.cli.store_option import StoreOption, chosen_store
from ckpt_ops.errors import TerminalError

if TYPE_CHECKING:
    from ckpt_ops.pipeline.forget.certificate import Certificate
    from ckpt_ops.pipeline.forget.request import Asked
    from ckpt_ops.pipeline.step_results import Settled

Slices = Annotated[
    list[str] | None, typer.Option("--slice", metavar="KEY", help="A whole slice; may be said several times.")
]
Rows = Annotated[
    str,
    typer.Option(
        "--rows", metavar="PREDICATE", help="Rows of every slice, such as \"person == 'p-17'\". It is kept."
    ),
]
Grace = Annotated[
    float | None,
    typer.Option(
        "--grace-hours",
        min=0.0,
        help="How long old checkpoints stay once the champion has forgotten, for a rollback; 24 by default.",
    ),
]


def forget(
    model: Model,
    why: Annotated[str, typer.Option("--why", metavar="TEXT", help="The reason; it is kept.")] = "",
    slice_keys: Slices = None,
    rows: Rows = "",
    grace_hours: Grace = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say what would happen.")] = False,
    store: StoreOption = None,
    json: Json = False,
) -> None:
    """Have rows or slices forgotten: by the slices, by the champion, and after the grace period by the store.

    Run it again to go on after anything that stopped it.
    """
    from ckpt_ops.pipeline import load_intake
    from ckpt_ops.pipeline.forget.forgetting import forget as carry_out
    from ckpt_ops.pipeline.forget.forgetting import preview
    from ckpt_ops.pipeline.forget.purging import purge, standings
    from ckpt_ops.pipeline.forget.request import Asked
    from ckpt_ops.pipeline.step_results import to_json

    intake = load_intake(model)
    asked = Asked(model=intake.name, rows=rows, keys=tuple(slice_keys or ()))
    with chosen_store(store) as opened:
        views.state_of(opened, model)
        if dry_run:
            with render.progress("searching slices") as progress:
                seen = preview(intake, opened, asked, progress)
            (render.as_json if json else show_preview)(preview_view(seen, grace_hours))
            return
        with render.progress("searching slices") as progress:
            report = (lambda line: None) if json else render.console().print
            done = carry_out(
                intake, opened, asked, why=why, grace_hours=grace_hours, report=report, progress=progress
            )
        certificate = None
        if done.known and not done.refused:
            with render.progress("removing") as progress:
                certificate = purge(intake, opened, asked.request, now=datetime.now(UTC), progress=progress)
        standing = {one.said.request: one for one in standings(opened, model)}.get(asked.request)
    view = {
        "request": asked.request,
        "recorded": done.known,
        "slices": [change_view(one) for one in done.changes],
        "rebase": to_json(done.rebased) if done.rebased else None,
        "purge": standing_view(standing) if standing else None,
        "certificate": certificate.name if certificate else None,
    }
    if json:
        render.as_json(view)
    elif not done.known:
        none = f"None of {done.found.looked_at:,} revisions in the store has {asked.words}"
        render.console().print(f"{none}: nothing was recorded.", soft_wrap=True)
    elif not done.refused:
        show_end(model, standing, certificate, opened.url)
    if done.rebased is not None and done.refused:
        raise _refused(model, asked, done.rebased.settled)


def purge(model: Model, store: StoreOption = None, json: Json = False) -> None:
    """Remove what was forgotten and whose grace period is over; say what is not due yet, and why."""
    from ckpt_ops.pipeline import load_intake
    from ckpt_ops.pipeline.forget.purging import purge as carry_out
    from ckpt_ops.pipeline.forget.purging import standings, sweep

    intake = load_intake(model)
    with chosen_store(store) as opened:
        views.state_of(opened, model)
        certificates: dict[str, Certificate] = {}
        for one in standings(opened, model):
            if one.purged is None:
                with render.progress(f"removing, {one.said.request}") as progress:
                    made = carry_out(
                        intake, opened, one.said.request, now=datetime.now(UTC), progress=progress
                    )
                if made is not None:
                    certificates[one.said.request] = made
        with render.progress("searching slices") as progress:
            swept = sweep(intake, opened, progress)
        found = standings(opened, model)
    if json:
        render.as_json({"swept": swept, "requests": [standing_view(one) for one in found]})
        return
    out = render.console()
    if not found:
        out.print(f"Nothing was ever forgotten in {model}.")
        return
    for one in found:
        show_end(model, one, certificates.get(one.said.request), opened.url)
    if swept:
        out.print(f"{swept:,} objects that had come in since with such rows were removed.")


def _refused(model: str, asked: Asked, settled: Settled) -> TerminalError:
    promote = f"ckpt-ops promote {model} {settled.version} --approve"
    next_ = f"{promote} --why TEXT, then again: {asked.command()}"
    if settled.decision != "waiting":
        next_ = (
            f"ckpt-ops show {model} {settled.version}; with other gates: {asked.command()}; "
            f"or {promote} --despite-gates --why TEXT, and then the same"
        )
    return TerminalError(
        f"version {settled.version} of {model}, which does not know {asked.words}, was "
        f"{settled.decision}: {settled.why}. The champion still knows them",
        safe="nothing was removed; the champion serves on; no such row is accepted any more",
        next=next_,
    )
