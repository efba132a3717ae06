"""Commands to a running training."""

from __future__ import annotations

import dataclasses
import time
from typing import Annotated

import typer

from ckpt_ops.checkpoints.requests import Answer, SaveRequest, What, answer_to, ask, withdraw
from ckpt_ops.cli import render
from ckpt_ops.cli.look import Json, Model
from ckpt_ops.cli.store_option import StoreOption, chosen_store
from ckpt_ops.errors import BadInput, TransientError
from ckpt_ops.lineage import CandidateLog, model_names
from ckpt_ops.store import Store

_POLL_SECONDS = 0.5


def save_now(
    model: Model,
    what: Annotated[What, typer.Option("--what", help="What to save.")] = What.PARAMETERS,
    at_step: Annotated[
        int | None, typer.Option("--at-step", metavar="N", help="At this step; at once if it is past.")
    ] = None,
    after: Annotated[
        float | None, typer.Option("--after", metavar="SECONDS", help="So long after the training sees it.")
    ] = None,
    wait: Annotated[bool, typer.Option("--wait", help="Until it is durable, and say at which step.")] = False,
    timeout: Annotated[float, typer.Option("--timeout", metavar="SECONDS", help="With --wait.")] = 600.0,
    store: StoreOption = None,
    json: Json = False,
) -> None:
    """Ask the running training of a model for a checkpoint."""
    request = SaveRequest(what=what, at_step=at_step, after=after)
    with chosen_store(store) as opened:
        version = _in_training(opened, model)
        ask(opened, model, request)
        answer = _wait(opened, model, request, timeout) if wait else None
    if json:
        said = dataclasses.asdict(answer) if answer else None
        render.as_json({"id": request.id, "version": version, "answer": said})
    elif answer is None:
        render.console().print(f"Asked version {version} of {model} for {what.value}. Id: {request.id}")
    elif answer.done:
        objects = "".join(f"\n  {name}" for name in answer.objects)
        render.console().print(
            f"Version {answer.version} of {model} saved at step {answer.step}, "
            f"durable {answer.seconds:.1f} s after it was asked:{objects}"
        )
    if answer is not None and not answer.done:
        raise TransientError(
            f"version {answer.version} of {model} did not save: {answer.why}",
            safe="the training was not disturbed",
            next=f"ckpt-ops show {model} {answer.version} lists its checkpoints",
        )


def _in_training(store: Store, model: str) -> int:
    """The version that is being trained, as far as its log says."""
    found = sorted(
        {
            int(part[1:])
            for entry in store.list(f"models/{model}/v")
            if (part := entry.name.split("/")[2])[1:].isdigit()
        }
    )
    if not found:
        raise BadInput("MODEL", model, f"a model that trains: {', '.join(model_names(store)) or 'none yet'}")
    if CandidateLog(store, model, found[-1]).progress().result is not None:
        raise BadInput(
            "MODEL",
            model,
            f"a model that trains now; version {found[-1]}, its newest, has ended",
            next=f"ckpt-ops status {model}",
        )
    return found[-1]


def _wait(store: Store, model: str, request: SaveRequest, timeout: float) -> Answer:
    end = time.monotonic() + timeout
    while (answer := answer_to(store, model, request.id)) is None:
        if time.monotonic() > end:
            withdraw(store, model, request.id)
            raise TransientError(
                f"no training of {model} answered within {timeout:g} s",
                safe="the ask was taken back",
                next=f"ckpt-ops status {model} says whether it still trains; --timeout waits longer",
            )
        time.sleep(_POLL_SECONDS)
    return answer
