"""The store of the embedded platform, for a command that was given no other."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

from ckpt_ops.embedded import leftovers
from ckpt_ops.embedded.settings import LANDING, STORE, Settings
from ckpt_ops.embedded.shared_server import shared_server
from ckpt_ops.embedded.state import State
from ckpt_ops.errors import BadInput
from ckpt_ops.store import Store, open_store

_WAIT_SECONDS = 20.0


@contextmanager
def embedded_store() -> Iterator[Store]:
    """The platform's store for the duration of a command, through a server of its own if that is down.

    Raises:
        BadInput: there is no platform.
        AlreadyRunning: it is starting or stopping, and went on doing so for 20 s.
    """
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
    """Let sources use the embedded platform, while one runs and nothing else was chosen."""
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
