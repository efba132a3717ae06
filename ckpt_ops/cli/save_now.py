"""`ckpt-ops save-now`: a running training, asked for a checkpoint."""

from __future__ import annotations

import dataclasses
import time
from typing import Annotated

import typer

from ckpt_ops.actions.models import in_training
from ckpt_ops.checkpoints.requests import Answer, SaveKind, SaveRequest, answer_to, ask, withdraw
from ckpt_ops.cli import output
from ckpt_ops.cli.options import Model
from ckpt_ops.cli.output import Json
from ckpt_ops.cli.store_option import StoreOption, chosen_store
from ckpt_ops.errors import BadInput, TransientError
from ckpt_ops.lineage import model_names
from ckpt_ops.store import Store

_POLL_SECONDS = 0.5


def save_now(
    model: Model,
    what: Annotated[SaveKind, typer.Option("--what", help="What to save.")] = SaveKind.PARAMETERS,
    at_step: Annotated[
        int | None, typer.Option("--at-step", metavar="N", help="Save at this step; at once if it is past.")
    ] = None,
    after: Annotated[
        float | None,
        typer.Option(
            "--after", metavar="SECONDS", help="Save this long after the training sees the request."
        ),
    ] = None,
    wait: Annotated[
        bool, typer.Option("--wait", help="Wait until the checkpoint is durable, and print its step.")
    ] = False,
    timeout: Annotated[
        float, typer.Option("--timeout", metavar="SECONDS", help="How long --wait waits.")
    ] = 600.0,
    store: StoreOption = None,
    json: Json = False,
) -> None:
    """Ask the running training of a model for a checkpoint.

    The training looks for requests every two seconds and goes on after the save.

    Example: ckpt-ops save-now flight_delay --wait
    """
    request = SaveRequest(what=what, at_step=at_step, after=after)
    with chosen_store(store) as opened:
        if model not in (known := model_names(opened)):
            raise BadInput("MODEL", model, f"a model that trains: {', '.join(known) or 'none yet'}")
        version = in_training(opened, model)
        ask(opened, model, request)
        answer = _wait(opened, model, request, timeout) if wait else None
    found = {"id": request.id, "version": version, "answer": dataclasses.asdict(answer) if answer else None}
    output.answer(found, lambda _: _show(model, version, request, answer), json=json)
    if answer is not None and not answer.done:
        raise TransientError(
            f"version {answer.version} of {model} did not save: {answer.why}",
            safe="the training was not disturbed",
            next=f"ckpt-ops show {model} {answer.version} lists its checkpoints",
        )


def _show(model: str, version: int, request: SaveRequest, answer: Answer | None) -> None:
    if answer is None:
        output.say(f"Asked version {version} of {model} for {request.what.value}. Id: {request.id}")
    elif answer.done:
        objects = "".join(f"\n  {name}" for name in answer.objects)
        output.say(
            f"Version {answer.version} of {model} saved at step {answer.step}, "
            f"durable {answer.seconds:.1f} s after the request:{objects}"
        )


def _wait(store: Store, model: str, request: SaveRequest, timeout: float) -> Answer:
    end = time.monotonic() + timeout
    while (answer := answer_to(store, model, request.id)) is None:
        if time.monotonic() > end:
            withdraw(store, model, request.id)
            raise TransientError(
                f"no training of {model} answered within {timeout:g} s",
                safe="the request was taken back",
                next=f"ckpt-ops status {model} shows whether it still trains; --timeout waits longer",
            )
        time.sleep(_POLL_SECONDS)
    return answer
