"""Each worker's process shows that it lives, and whoever started it looks, at the process and at the gang."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable
from pathlib import Path

from ckpt_ops.errors import GangBroken

ALIVE = "alive"
"""The file, in the folder of a process's work, that it writes to as long as it lives."""
FROZEN_SECONDS = 30.0
"""A process that wrote nothing for so long is stopped, though it is there. Imports take some seconds."""
_BEAT = 1.0


class Done(Exception):
    """The first worker has the result: there is nothing more to do.

    Attributes:
        version: whose log has it.
    """

    def __init__(self, version: int) -> None:
        self.version = version
        super().__init__(f"version {version}")


class Watch:
    """Called while a process works; raises what ends its work.

    Args:
        check: of the gang; raises `GangBroken`, `Done` or what another worker raised.
        worker: whose process it is.
    """

    def __init__(self, check: Callable[[], None], *, worker: int) -> None:
        self._check, self._worker = check, worker
        self._seen, self._since = b"", time.monotonic()

    def __call__(self, folder: Path) -> None:
        self._check()
        try:
            found = (folder / ALIVE).read_bytes()
        except FileNotFoundError:
            found = b""
        now = time.monotonic()
        if found != self._seen:
            self._seen, self._since = found, now
        elif now - self._since > FROZEN_SECONDS:
            raise GangBroken(
                f"the process of worker {self._worker} has done nothing for {FROZEN_SECONDS:.0f} s: it is "
                "stopped, or its machine cannot keep up",
                safe="every committed checkpoint is kept; the champion serves on",
                next="a retry of all workers resumes at the last committed checkpoint",
            )


def beat_in(folder: Path) -> None:
    """From now on, write to the folder of this process's work; end the process with the one that started it.

    A worker on its own could only wait for others for ever.
    """
    file, started_by = os.open(folder / ALIVE, os.O_WRONLY | os.O_CREAT, 0o600), os.getppid()

    def beat() -> None:
        for number in range(1 << 62):
            if os.getppid() != started_by:
                os._exit(70)
            os.pwrite(file, b"%020d" % number, 0)
            time.sleep(_BEAT)

    threading.Thread(target=beat, daemon=True, name="alive").start()
