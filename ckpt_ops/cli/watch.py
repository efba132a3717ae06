"""`ckpt-ops watch`: a running training, followed until it ends."""

from __future__ import annotations

import dataclasses
import time
from typing import Annotated, Any

import typer

from ckpt_ops.cli import output, render_training
from ckpt_ops.cli.options import Model
from ckpt_ops.cli.output import Json
from ckpt_ops.cli.store_option import StoreOption, chosen_store
from ckpt_ops.errors import BadInput, TransientError
from ckpt_ops.lineage import LineageState, ModelLog, model_names
from ckpt_ops.lineage.records import Rejected, UpdateDeferred
from ckpt_ops.lineage.state import VersionState, VersionStatus
from ckpt_ops.store import Store
from ckpt_ops.views.shapes import TrainingNow
from ckpt_ops.views.training import training_now
from ckpt_ops.worker import Phase

_POLL_SECONDS = 1.0
_GONE_SECONDS = 10.0  # that a training may take from its last report to its record in the log


def watch(
    model: Model,
    wait: Annotated[
        bool, typer.Option("--wait", help="Wait for a training to start, and for the retry of one that died.")
    ] = False,
    store: StoreOption = None,
    json: Json = False,
) -> None:
    """Follow the running training of a model until it ends.

    In a terminal it is redrawn: step, metrics, pace, time left, checkpoints, what they cost. Elsewhere each
    report is a line; with --json a JSON object on a line, and the last one says how it ended. Watching costs
    the training nothing: its reports are read from the store.

    Example: ckpt-ops watch flight_delay --wait
    """
    with chosen_store(store) as opened, output.redrawn(render_training.drawn, json=json) as screen:
        ended = _follow(opened, model, wait, screen)
        screen.end({"model": model, **ended}, f"version {ended['version']} of {model}: {ended['message']}")


def _follow(store: Store, model: str, wait: bool, screen: output.Redrawn[TrainingNow]) -> dict[str, Any]:
    """Show each report, until the training has ended; how it did."""
    log = ModelLog(store, model)
    last: TrainingNow | None = None
    heard = time.monotonic()
    while True:
        state = log.state()
        now = training_now(store, model, state)
        if last is not None and (how := _how_it_ended(state, last)) is not None:
            return how
        if now is not None:
            if screen.live or now != last:  # what is silent is said to be, second by second
                screen.show(now, render_training.line(now), dataclasses.asdict(now))
            last, heard = now, time.monotonic()
        if not wait:
            _refuse_to_wait(store, model, now, last, since=time.monotonic() - heard)
        time.sleep(_POLL_SECONDS)


def _how_it_ended(state: LineageState, last: TrainingNow) -> dict[str, Any] | None:
    """Of the version that was watched; None while it is open."""
    version = state.versions.get(last.version)
    if version is None or version.status is VersionStatus.STARTED:
        return None
    return {"version": version.version, "status": version.status.value, "message": _message(version)}


def _message(version: VersionState) -> str:
    if version.trained is not None:
        return f"trained {version.trained.step} steps, ended by {version.trained.stopped_by}"
    if isinstance(version.decided, Rejected | UpdateDeferred):
        return f"{version.status.value}: {version.decided.reason}"
    return version.status.value


def _refuse_to_wait(
    store: Store, model: str, now: TrainingNow | None, last: TrainingNow | None, *, since: float
) -> None:
    """There is nothing to follow, or not any more."""
    if now is None and last is None:
        known = model_names(store)
        if model not in known:
            raise BadInput("MODEL", model, f"a model that trains: {', '.join(known) or 'none yet'}")
        raise BadInput(
            "MODEL",
            model,
            "a model that trains now",
            next=f"ckpt-ops watch {model} --wait waits for the next training; ckpt-ops status {model}",
        )
    if now is None and since > _GONE_SECONDS:
        raise TransientError(
            f"the training of {model} that was watched is gone, and left no version in the log",
            safe="the champion serves on",
            next=f"read the log of the task train, or what `ckpt-ops run` said; ckpt-ops log {model}",
        )
    if now is not None and (now.lost or now.phase == Phase.ENDED):
        over = "has not reported for a minute, and may be dead" if now.lost else "ended without a result"
        raise TransientError(
            f"attempt {now.attempt} at version {now.version} of {model} {over}, at step {now.step}",
            safe="every committed checkpoint is kept; the champion serves on",
            next=f"a retry goes on from the last one; ckpt-ops watch {model} --wait waits for it",
        )
