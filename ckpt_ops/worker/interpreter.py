"""Starts a process for work, which does nothing until it is sent some.

Its output goes to a file: when the process that started it dies, the work neither blocks on a full pipe nor
dies of a broken one. It runs on until it is finished.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from ckpt_ops.worker.surroundings import END_SECONDS, Surroundings


class Interpreter:
    """A fresh Python process that takes one piece of work and ends with it.

    Args:
        title: what lists of processes show, such as ("train", "flight_delay", "v7").
        log: gets all its output, and stays when the process is gone.
    """

    def __init__(self, title: Sequence[str], surroundings: Surroundings, log: Path) -> None:
        with log.open("wb") as output:
            self._process = subprocess.Popen(
                # -P: files in the folder of the work cannot be imported
                [sys.executable, "-P", "-m", "ckpt_ops.worker", *title],
                stdin=subprocess.PIPE,
                stdout=output,
                stderr=subprocess.STDOUT,
                env=surroundings.environment(),
                cwd=log.parent,
                start_new_session=True,  # signals to this process's group must not reach it
            )

    def send(self, folder: Path) -> None:
        """Let it do the work whose request lies in `folder`."""
        pipe = self._process.stdin
        if pipe is None:
            raise RuntimeError("this interpreter has no standard input")
        with suppress(BrokenPipeError), pipe:  # it has died, as its exit code shows
            pipe.write(json.dumps(str(folder)).encode() + b"\n")

    def ended(self, within: float) -> int | None:
        """The exit code, negative for a signal; None when it still runs after `within` seconds."""
        with suppress(subprocess.TimeoutExpired):
            self._process.wait(within)
        return self._process.returncode

    def end(self) -> None:
        """Ask it to save and end, as SIGTERM does between two steps; kill it when that takes too long."""
        self._process.terminate()
        if self.ended(END_SECONDS) is None:
            self._process.kill()
            self._process.wait()

    def end_with_all_it_started(self) -> int:
        """Kill it and whatever it started, except what began its own session; returns the exit code."""
        with suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGKILL)
        return self._process.wait()
