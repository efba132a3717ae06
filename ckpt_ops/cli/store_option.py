"""Which store a command works on: `--store`, else CKPT_OPS_STORE, else the embedded platform's."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import Annotated

import typer

from ckpt_ops.embedded import leftovers
from ckpt_ops.embedded.settings import LANDING, STORE, Settings
from ckpt_ops.embedded.shared_server import shared_server
from ckpt_ops.embedded.state import State
from ckpt_ops.errors import BadInput
from ckpt_ops.store import Store, open_store

StoreOption = Annotated[
    str | None,
    typer.Option(
        "--store",
        metavar="URL",
        help="gs://BUCKET/PREFIX or file:///DIRECTORY, or two or three of them separated by commas; "
        "else CKPT_OPS_STORE, else the platform of `make up`.",
    ),
]

_WAIT_SECONDS = 20.0


@contextmanager
def chosen_store(url: str | None) -> Iterator[Store]:
    """The store for the duration of a command.

    When the embedded platform is down, a server of its objects runs until the command has ended, and
    serves every other command that comes meanwhile.

    Raises:
        BadInput: there is no such store, or none was chosen and there is no platform either.
        AlreadyRunning: the platform is starting or stopping, and went on doing so for 20 s.
    """
    given = url or os.environ.get("CKPT_OPS_STORE", "").strip()
    if given:
        yield open_store(given)
        return
    settings = Settings.from_environment()
    if not (settings.home / "gcs").is_dir():
        raise BadInput(
            "store",
            None,
            f"--store URL, CKPT_OPS_STORE, or a platform in {settings.home}",
            next="make up, or --store gs://BUCKET/PREFIX",
        )
    with ExitStack() as stack, _environment(_reach(settings, stack)):
        yield open_store(STORE)


def _reach(settings: Settings, stack: ExitStack) -> str:
    """Where a server of the home's objects answers: the platform's own, or one that commands share."""
    began, told = time.monotonic(), False
    while True:
        endpoint = _running_endpoint(settings)
        if endpoint is not None:
            return endpoint
        try:
            return stack.enter_context(shared_server(settings.home))
        except leftovers.AlreadyRunning:
            if time.monotonic() - began > _WAIT_SECONDS:
                raise
            if not told and time.monotonic() - began > 1.0:
                told = True
                sys.stderr.write(f"Waiting for the platform in {settings.home} to finish its start or stop\n")
            time.sleep(0.2)


@contextmanager
def platform_if_running() -> Iterator[None]:
    """What sources look up: the embedded platform's own, while one runs and nothing else was chosen."""
    chosen = {"CKPT_OPS_STORE", "CKPT_OPS_LANDING", "STORAGE_EMULATOR_HOST"} & os.environ.keys()
    endpoint = None if chosen else _running_endpoint(Settings.from_environment())
    if endpoint is None:
        yield
        return
    with _environment(endpoint):
        yield


def _running_endpoint(settings: Settings) -> str | None:
    """Where the platform's own GCS server answers; not one that another command runs for itself."""
    state, server = State.read(settings.home), leftovers.running(settings.run_dir).get("gcs")
    if state is None or server is None or state.pids.get("gcs") != server.process.pid:
        return None
    return state.gcs_endpoint


@contextmanager
def _environment(endpoint: str) -> Iterator[None]:
    """What Google's client, a pipeline's source and the training process look up."""
    values = {"STORAGE_EMULATOR_HOST": endpoint}
    values["CKPT_OPS_LANDING"] = os.environ.get("CKPT_OPS_LANDING") or LANDING
    before = {name: os.environ.get(name) for name in values}
    os.environ.update(values)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value
