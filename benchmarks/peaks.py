"""The highest memory of any process of a run, whoever started it: found by its temporary folder."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from types import TracebackType

_EVERY_SECONDS = 0.5


class Peaks:
    """While a block runs, looks at all processes whose TMPDIR is `folder`.

    Attributes:
        highest: bytes that one of them held at its highest (VmHWM).
        by_name: likewise, of each kind of process.
    """

    def __init__(self, folder: str) -> None:
        self._folder, self._ended = folder, threading.Event()
        self.highest = 0
        self.by_name: dict[str, int] = {}
        self._thread = threading.Thread(target=self._look, daemon=True)

    def __enter__(self) -> Peaks:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._ended.set()
        self._thread.join()

    @staticmethod
    def processes(folder: str) -> Iterator[Path]:
        """Those of the folder, as they are in /proc."""
        mark = f"TMPDIR={folder}".encode()
        for entry in Path("/proc").glob("[0-9]*"):
            with suppress(OSError):
                if mark in (entry / "environ").read_bytes().split(b"\0"):
                    yield entry

    @classmethod
    def marked(cls, folder: str) -> Iterator[list[str]]:
        """The fields of each one's `stat`, after its name."""
        for entry in cls.processes(folder):
            with suppress(OSError):
                yield (entry / "stat").read_text().rpartition(")")[2].split()

    def _look(self) -> None:
        while not self._ended.wait(_EVERY_SECONDS):
            for entry in self.processes(self._folder):
                with suppress(OSError, StopIteration, ValueError):
                    status = (entry / "status").read_text().splitlines()
                    held = int(next(line for line in status if line.startswith("VmHWM:")).split()[1]) * 1024
                    words = (entry / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
                    self.highest = max(self.highest, held)
                    name = kind_of(words)
                    self.by_name[name] = max(held, self.by_name.get(name, 0))


def kind_of(command: str) -> str:
    """What kind of process a command line is of."""
    for name in ("worker train", "worker validate", "standby", "task runner", "scheduler", "api_server"):
        if name in command:
            return name
    return "other"
