"""Have a standby warm up for the next job, and end those that nobody needs."""

from __future__ import annotations

import subprocess
import sys
from contextlib import suppress

from ckpt_ops.worker.standby import settings
from ckpt_ops.worker.standby.connecting import ask, connect
from ckpt_ops.worker.standby.fingerprint import fingerprint
from ckpt_ops.worker.standby.imports import Imports
from ckpt_ops.worker.surroundings import Surroundings

_started: list[subprocess.Popen[bytes]] = []


def warm_up(imports: Imports, surroundings: Surroundings) -> None:
    """Let there be a standby for these imports and surroundings; returns before it is ready.

    One that is there, but differs, is ended. Does nothing where standbys are off, or memory is short.

    Raises:
        BadInput: CKPT_OPS_STANDBY has no value that is allowed.
    """
    folder = None if settings.is_off() else settings.folder()
    if folder is None:
        return
    environment = surroundings.environment()
    of = fingerprint(imports, environment)
    line = connect(folder / f"{imports.name}.sock")
    if line is not None:
        found = ask(line, {"ask": "status", "of": of})
        line.close()
        if found is not None and found.get("same"):
            return
    if not settings.has_room():
        return
    _started[:] = [one for one in _started if one.poll() is None]  # those that ended are no zombies any more
    with suppress(OSError), (folder / f"{imports.name}.log").open("wb") as log:
        _started.append(
            subprocess.Popen(
                [sys.executable, "-P", "-m", "ckpt_ops.worker.standby", imports.text, of],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                env=environment,
                cwd=folder,
                start_new_session=True,
            )
        )


def end_all() -> None:
    """End the standbys of this user that wait for a job here; jobs that run go on."""
    folder = settings.folder()
    for place in sorted(folder.glob("*.sock")) if folder is not None else ():
        line = connect(place)
        if line is not None:
            ask(line, {"ask": "end"})
            line.close()
