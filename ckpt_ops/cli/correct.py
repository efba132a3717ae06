"""Commands that append to a model's log. Each is one decision, with a reason where a person makes it."""

from __future__ import annotations

from typing import Annotated

import typer

from ckpt_ops import serving
from ckpt_ops.cli import render, views
from ckpt_ops.cli.look import Model
from ckpt_ops.cli.store_option import StoreOption, chosen_store

Why = Annotated[str, typer.Option("--why", metavar="TEXT", help="The reason; it is kept in the log.")]
Key = Annotated[str, typer.Option("--slice", metavar="KEY", help="The slice's key.")]


def rollback(
    model: Model,
    to: Annotated[int, typer.Option("--to", metavar="VERSION", help="A version that was in production.")],
    why: Why,
    store: StoreOption = None,
) -> None:
    """Serve another version that was in production, and train on from it; also takes a rollback back."""
    with chosen_store(store) as opened:
        views.state_of(opened, model)
        state = serving.rollback(opened, model, to, why)
    pending = ", ".join(ref.key for ref in state.pending()) or "none"
    render.console().print(f"Version {state.head} of {model} is the head again. Pending slices: {pending}")


def withdraw(model: Model, slice_key: Key, why: Why, store: StoreOption = None) -> None:
    """Take back a slice that nothing has consumed: no candidate will train on it."""
    with chosen_store(store) as opened:
        views.state_of(opened, model)
        serving.withdraw(opened, model, slice_key, why)
    render.console().print(f"Slice {slice_key} of {model} is withdrawn.")


def release(model: Model, why: Why, store: StoreOption = None) -> None:
    """End a hold: the next run trains again, and refusals are counted anew."""
    with chosen_store(store) as opened:
        views.state_of(opened, model)
        serving.release(opened, model, why)
    render.console().print(f"{model} is no longer held.")
