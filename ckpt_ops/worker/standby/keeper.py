"""The keeper of a standby interpreter: it starts it, answers for it, hands over one job, and sees it end.

It imports next to nothing, so that it always answers; `messages` has what it is asked. It and its interpreter
are one process group until the job begins: whoever finds the keeper wedged kills both.
"""

from __future__ import annotations

import fcntl
import json
import os
import signal
import socket
import subprocess
import sys
import time
from contextlib import suppress
from multiprocessing.connection import wait
from pathlib import Path
from typing import Any

from ckpt_ops.worker.standby import settings
from ckpt_ops.worker.standby.imports import Imports
from ckpt_ops.worker.standby.messages import ANSWER_SECONDS, Line, is_ours

_PREDECESSOR_SECONDS = 3.0
_BETWEEN_MESSAGES = 1.0
READY, THERE, RUNS = b"r", b"t", b"g"


def main(arguments: list[str]) -> int:
    """Keep a standby for the imports until a job takes it, or nobody wants it any more."""
    imports, of = Imports.of_text(arguments[0]), arguments[1]
    folder = settings.folder()
    if folder is None:
        return 1
    place = folder / f"{imports.name}.sock"
    with (folder / f"{imports.name}.lock").open("a") as lock:
        if not _mine(lock.fileno()):
            return 0  # another one is there
        with suppress(FileNotFoundError):
            place.unlink()  # of one that was killed
        with socket.socket(socket.AF_UNIX) as listener:
            listener.bind(str(place))
            listener.listen()
            keeper = Keeper(imports, of, listener, place)
            try:
                line = keeper.wait_for_job()
            finally:
                with suppress(FileNotFoundError):
                    place.unlink()
                if not keeper.handed_over:
                    keeper.interpreter.kill()
    return keeper.see_it_end(line) if line is not None else 0


def _mine(lock: int) -> bool:
    """Take the place of this kind's keeper; the one before may be about to end."""
    until = time.monotonic() + _PREDECESSOR_SECONDS
    while True:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if time.monotonic() > until:
                return False
            time.sleep(0.1)
        else:
            os.set_inheritable(lock, False)
            return True


class Keeper:
    """One standby interpreter and its socket."""

    def __init__(self, imports: Imports, of: str, listener: socket.socket, place: Path) -> None:
        self._of, self._listener, self._place = of, listener, place
        self._ready, self.handed_over = False, False
        self._says, says = os.pipe()
        self.interpreter = subprocess.Popen(
            [sys.executable, "-P", "-m", "ckpt_ops.worker.standby.interpreter", imports.text, str(says)],
            stdin=subprocess.PIPE,
            pass_fds=[says],
        )
        os.close(says)

    def wait_for_job(self) -> Line | None:
        """The connection of the job that took it; None: it is to end without one."""
        until = time.monotonic() + settings.WARM_UP_SECONDS
        while (left := until - time.monotonic()) > 0:
            ready = wait([self._says, self._listener], left)
            if self._says in ready:
                if not self._became_ready():
                    return None
                until = time.monotonic() + settings.seconds()
            if self._listener in ready:
                connection, _ = self._listener.accept()
                line = Line(connection)
                if not is_ours(connection):
                    line.close()
                    continue
                stays = self._served(line)
                if self.handed_over:
                    return line
                line.close()
                if not stays:
                    return None
        return None

    def _served(self, line: Line) -> bool:
        """Answer what one connection asks, until a job is handed over. Whether to go on waiting."""
        with suppress(TimeoutError):
            while (asked := line.receive(_BETWEEN_MESSAGES)) is not None:
                if asked.get("ask") == "end":
                    line.send({})
                    return False
                same = asked.get("of") == self._of
                if asked.get("ask") == "status":
                    line.send({"same": same, "ready": self._ready})
                elif asked.get("ask") == "take" and same and self._ready:
                    if not self._stands_ready():
                        line.send({"pid": None})
                        return False
                    if self._handed(line, asked.get("job")):
                        return True
                if not same:
                    return False
        return True

    def _stands_ready(self) -> bool:
        self._tell({"ping": True})
        return self._heard(ANSWER_SECONDS) == THERE

    def _handed(self, line: Line, job: Any) -> bool:
        """Give it the job if whoever asked is still there; whether it has it."""
        if not line.send({"pid": self.interpreter.pid}) or line.receive(ANSWER_SECONDS) != {"go": True}:
            return False
        self._place.unlink(missing_ok=True)  # the next one may be started from now on
        self.handed_over = True
        self._tell({"job": job})
        if self._heard(ANSWER_SECONDS) == RUNS:
            line.send({"gone": True})
        else:
            self.interpreter.kill()
        return True

    def see_it_end(self, line: Line) -> int:
        """Say how the process of the job ended; meanwhile, kill it if that is asked."""
        if self.interpreter.stdin is not None:
            self.interpreter.stdin.close()
        process = os.pidfd_open(self.interpreter.pid)
        listening = [line.socket]
        while True:
            ready = wait([process, *listening])
            if process in ready:
                break
            try:
                asked = line.receive(_BETWEEN_MESSAGES)
            except TimeoutError:
                continue
            if asked is None:
                listening = []  # it outlives who asked for it
            elif asked.get("kill"):
                with suppress(ProcessLookupError):
                    os.killpg(self.interpreter.pid, signal.SIGKILL)
        line.send({"code": self.interpreter.wait()})
        line.close()
        return 0

    def _became_ready(self) -> bool:
        self._ready = self._heard(0.0) == READY and _bytes_of(self.interpreter.pid) <= settings.MOST_BYTES
        return self._ready

    def _heard(self, within: float) -> bytes:
        """A byte of the interpreter's; b"" when none comes in time, or it has ended."""
        return os.read(self._says, 1) if wait([self._says], within) else b""

    def _tell(self, message: dict[str, Any]) -> None:
        pipe = self.interpreter.stdin
        if pipe is not None:
            with suppress(OSError):
                pipe.write(json.dumps(message).encode() + b"\n")
                pipe.flush()


def _bytes_of(pid: int) -> int:
    """The memory that a process holds; 0: it has ended."""
    with suppress(OSError, ValueError, IndexError):
        return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")
    return 0
