"""Give a job to the interpreter that stands by, if there is one that fits."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from multiprocessing.connection import wait
from pathlib import Path
from typing import Any

from ckpt_ops.worker.standby import settings
from ckpt_ops.worker.standby.connecting import ask, connect
from ckpt_ops.worker.standby.fingerprint import fingerprint
from ckpt_ops.worker.standby.imports import Imports
from ckpt_ops.worker.standby.messages import ANSWER_SECONDS, Line
from ckpt_ops.worker.surroundings import END_SECONDS, Surroundings

_LOOK_SECONDS = 0.1


def take(
    imports: Imports,
    surroundings: Surroundings,
    *,
    title: Sequence[str],
    folder: Path,
    log: Path,
    answer: str,
) -> Taken | None:
    """Let the standby do the work whose request lies in `folder`; None: there is none, and nothing was begun.

    One that is still importing is waited for: it began earlier than any process that could be started now.

    Args:
        log: gets all its output from now on.
        answer: the name of the file in `folder` that it leaves when it has done its work.

    Raises:
        BadInput: CKPT_OPS_STANDBY has no value that is allowed.
    """
    sockets = None if settings.is_off() else settings.folder()
    if sockets is None:
        return None
    place = sockets / f"{imports.name}.sock"
    environment = surroundings.environment()
    line = _of_ready(place, imports, environment)
    if line is None:
        return None
    job = {
        "folder": str(folder),
        "log": str(log),
        "title": list(title),
        "environment": environment,
        "umask": _umask(),
    }
    taken = None
    try:
        asked = {"ask": "take", "of": fingerprint(imports, environment), "job": job}
        taken = _taken(line, asked, folder / answer)
    finally:
        if taken is None:
            line.close()
    return taken


def _of_ready(place: Path, imports: Imports, environment: Mapping[str, str]) -> Line | None:
    """A connection to the keeper of one that fits and is ready, once it is; None: there is none.

    Each question has a connection of its own, so that a keeper can answer others meanwhile.
    """
    until = time.monotonic() + settings.WARM_UP_SECONDS
    while time.monotonic() < until:
        line = connect(place)
        if line is None:
            return None
        found = ask(line, {"ask": "status", "of": fingerprint(imports, environment)})
        if found is not None and found.get("ready") and found.get("same"):
            return line
        line.close()
        if found is None or not found.get("same"):
            return None
        time.sleep(_LOOK_SECONDS)
    return None


def _taken(line: Line, asked: Mapping[str, Any], answer: Path) -> Taken | None:
    with suppress(TimeoutError):
        found = line.receive(2 * ANSWER_SECONDS) if line.send(asked) else None
        pid = found.get("pid") if found is not None else None
        if not isinstance(pid, int):
            return None
        try:
            process = os.pidfd_open(pid)
        except OSError:  # it has ended, or this system has no such descriptors
            return None
        taken = Taken(line, pid, process, answer)
        try:
            if ask(line, {"go": True}) == {"gone": True}:
                return taken
        except BaseException:
            taken.kill()
            raise
        taken.kill()  # nobody knows whether it has begun
    return None


class Taken:
    """A standby that does a job of ours: an `Interpreter` whose parent is its keeper."""

    def __init__(self, line: Line, pid: int, process: int, answer: Path) -> None:
        self.pid = pid
        self._line: Line | None = line
        self._process, self._answer = process, answer
        self._code: int | None = None

    def ended(self, within: float) -> int | None:
        """The exit code, negative for a signal; None when it still runs after `within` seconds.

        When the keeper was killed, nobody knows the code: it is 0 for a process that left its answer, else
        that of a process that was killed as well.
        """
        until = time.monotonic() + within
        while self._code is None:
            left = until - time.monotonic()
            if left <= 0:
                return None
            keeper = [] if self._line is None else [self._line.socket]
            ready = wait([self._process, *keeper], left)
            if not ready:
                return None
            if self._line is not None:
                self._code = self._told(self._line, ended=self._process in ready)
            if self._code is None and self._line is None and self._has_ended():
                self._code = 0 if self._answer.exists() else -signal.SIGKILL
        return self._code

    def _told(self, line: Line, *, ended: bool) -> int | None:
        """What the keeper says of the end; None, and it is not asked again: it is gone."""
        found = None
        with suppress(TimeoutError):
            found = line.receive(ANSWER_SECONDS if ended else 0.1)
        self._close()
        code = None if found is None else found.get("code")
        return code if isinstance(code, int) else None

    def _has_ended(self) -> bool:
        return bool(wait([self._process], 0))

    def end(self) -> None:
        """Ask it to save and end, as SIGTERM does between two steps; kill it when that takes too long."""
        self._signal(signal.SIGTERM)
        if self.ended(END_SECONDS) is None:
            self.kill()

    def kill(self) -> None:
        """Kill it, and wait until it is gone."""
        self._signal(signal.SIGKILL)
        self.ended(END_SECONDS)

    def end_with_all_it_started(self) -> int:
        """Kill it and whatever it started, except what began its own session; returns the exit code."""
        if self._code is None and self._line is not None and self._line.send({"kill": True}):
            self.ended(ANSWER_SECONDS)
        if self._code is None:
            self.kill()
        return -signal.SIGKILL if self._code is None else self._code

    def _signal(self, number: signal.Signals) -> None:
        with suppress(ProcessLookupError):
            signal.pidfd_send_signal(self._process, number)

    def _close(self) -> None:
        if self._line is not None:
            self._line.close()
            self._line = None

    def __del__(self) -> None:
        self._close()
        with suppress(OSError):
            os.close(self._process)


def _umask() -> int:
    """Of this process: asking the kernel by setting it would change it for other threads meanwhile."""
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith("Umask:"):
            return int(line.split()[1], 8)
    return 0o077
