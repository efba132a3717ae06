"""A connection to the keeper of a standby, if there is one that answers."""

from __future__ import annotations

import os
import signal
import socket
from contextlib import suppress
from pathlib import Path
from typing import Any

from ckpt_ops.worker.standby.messages import ANSWER_SECONDS, Line, is_ours, peer


def connect(place: Path) -> Line | None:
    """A connection to the keeper that listens there; None: there is none, or it is another user's."""
    connection = socket.socket(socket.AF_UNIX)
    try:
        connection.settimeout(ANSWER_SECONDS)
        connection.connect(str(place))
        if is_ours(connection):
            return Line(connection)
    except OSError:
        pass
    connection.close()
    return None


def ask(line: Line, message: dict[str, Any]) -> dict[str, Any] | None:
    """What a keeper answers to what it can answer at once; None: it is about to end.

    One that does not answer in time is killed, and its interpreter with it: they have one process group.
    """
    if not line.send(message):
        return None
    try:
        return line.receive(ANSWER_SECONDS)
    except TimeoutError:
        pid, _ = peer(line.socket)
        with suppress(ProcessLookupError, PermissionError):
            if os.getpgid(pid) == pid:
                os.killpg(pid, signal.SIGKILL)
        return None
