"""Commands by which a person decides on a version: approve, override, reject."""

from __future__ import annotations

from typing import Annotated

import typer

from ckpt_ops import serving
from ckpt_ops.cli import render, views
from ckpt_ops.cli.read_commands import Model
from ckpt_ops.cli.store_option import StoreOption, chosen_store
from ckpt_ops.cli.write_commands import Why
from ckpt_ops.errors import BadInput, TerminalError

Version = Annotated[int, typer.Argument(metavar="VERSION")]


def promote(
    model: Model,
    version: Version,
    why: Why,
    approve: Annotated[bool, typer.Option("--approve", help="Yes: put it into production.")] = False,
    despite_gates: Annotated[
        bool, typer.Option("--despite-gates", help="Also what the gates refused; the record says so.")
    ] = False,
    store: StoreOption = None,
) -> None:
    """Approve a version that waits for a person, and promote it; with --despite-gates, a refused one."""
    if not approve:
        raise BadInput("--approve", None, "to be given: a version is promoted by nobody's accident")
    from ckpt_ops.pipeline import load_pipeline
    from ckpt_ops.pipeline.approving import approve as approve_version
    from ckpt_ops.pipeline.step_results import Settlement

    pipeline = load_pipeline(model)
    with chosen_store(store) as opened:
        before = views.state_of(opened, model)
        done = approve_version(pipeline, opened, version, why, despite_gates=despite_gates)
    if done.decision is Settlement.SHADOW:
        raise TerminalError(
            f"version {version} of {model} stays in shadow: {done.why}",
            safe="the champion serves on",
            next="nothing: the runs of the next slices go on with it",
        )
    if not done.promoted:
        raise TerminalError(
            f"version {version} of {model} is {done.decision}: {done.why}",
            safe="the champion serves on; its slices are pending again",
            next="run them again: they are trained on the champion of now",
        )
    out = render.console()
    out.print(f"Version {version} of {model} is in production: {done.why}", soft_wrap=True)
    if before.held is not None:
        out.print(
            f"{model} is still held: {before.held}\nNext: ckpt-ops release {model} --why TEXT", soft_wrap=True
        )


def reject(model: Model, version: Version, why: Why, store: StoreOption = None) -> None:
    """Refuse a version that waits, or that is trained and not decided on; its slices are pending again."""
    with chosen_store(store) as opened:
        views.state_of(opened, model)
        state = serving.reject(opened, model, version, why)
    pending = ", ".join(ref.key for ref in state.pending()) or "none"
    render.console().print(f"Version {version} of {model} is rejected. Pending slices: {pending}")
