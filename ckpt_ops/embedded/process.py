"""One process of the platform: start it, wait until it serves, stop it with all it started.

Each child leads a process group of its own and writes to a log file of its own. A record on disk
names it by pid and start time, so that a later `up` or `down` can stop what a killed supervisor
left behind, and nothing that merely got the same pid.
"""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from enum import Enum
from pathlib import Path
from typing import IO

from ckpt_ops.documents import DocumentKind
from ckpt_ops.embedded import procfs
from ckpt_ops.embedded.private_files import write_private
from ckpt_ops.embedded.procfs import Identity
from ckpt_ops.errors import Corrupt, TerminalError

POLL_SECONDS = 0.1
READY_SECONDS = 180.0
"""How long a running process may take to answer. Generous: one that fails ends, which is seen at once."""
IDLE_SECONDS = 8.0
_RECORD = DocumentKind(what="record of a process", implicit=True, indent=None, sort_keys=False, newline=True)


class ComponentFailed(TerminalError):
    """A process of the platform ended by itself, or did not become ready in time."""


class Stopping(Enum):
    """Which processes are asked to end, besides the process itself."""

    ALONE = "alone"
    """None: it ends its own workers."""
    WITH_TASKS = "with tasks"
    """The leaders of the process groups below it. Airflow's scheduler waits for its running tasks,
    and each task leads a group: asked together, a task can save its work and its worker can still
    report how it ended. Without tasks it gets `IDLE_SECONDS` only: it has been seen to hang."""
    TWICE = "twice"
    """The process itself again, once all below it is gone: Airflow's triggerer takes 10 s to notice."""


@dataclass(frozen=True, kw_only=True)
class Command:
    """What to start and how to end it.

    Args:
        name: the component's name, also of its log and its record.
        argv: program and arguments.
        environment: the whole environment of the process.
        cwd: its working directory.
        log: file that gets its stdout and stderr.
        record: file that names the running process.
        stop_with: the signal that asks it to end.
        stop_seconds: how long it may take before it is killed.
        stopping: which other processes to ask.
        uid, gid: the user to run as, when the caller is root and the program refuses root.
    """

    name: str
    argv: tuple[str, ...]
    environment: Mapping[str, str]
    cwd: Path
    log: Path
    record: Path
    stop_with: signal.Signals = signal.SIGTERM
    stop_seconds: float = 15.0
    stopping: Stopping = Stopping.ALONE
    uid: int | None = None
    gid: int | None = None


@dataclass(kw_only=True)
class Child:
    """A running (or ended) process made from a `Command`."""

    command: Command
    started_at: float = 0.0
    _process: subprocess.Popen[bytes] | None = field(default=None, repr=False)

    def start(self) -> None:
        """Start the process; its log's former content is kept as `NAME.log.previous`."""
        command = self.command
        if command.log.exists():
            command.log.replace(command.log.with_name(command.log.name + ".previous"))
        self.started_at = time.time()
        with private_log(command.log) as log:
            self._process = subprocess.Popen(
                command.argv,
                env={**command.environment, procfs.COMPONENT_VARIABLE: command.name},
                cwd=command.cwd,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
                user=command.uid,
                group=command.gid,
                extra_groups=None if command.gid is None else [],
            )
        Record.of(self._process.pid, command).write(command.record)

    @property
    def pid(self) -> int | None:
        """The process's id once it was started."""
        return None if self._process is None else self._process.pid

    @property
    def exit_code(self) -> int | None:
        """How it ended; None while it runs (negative: the signal that killed it)."""
        return None if self._process is None else self._process.poll()

    def wait_ready(self, ready: Callable[[], bool], *, seconds: float = READY_SECONDS) -> float:
        """Wait until `ready()`; returns the seconds since the start.

        Raises:
            ComponentFailed: the process ended, or was not ready in time; with its log's last lines.
        """
        deadline = time.monotonic() + seconds
        while True:
            late = time.monotonic() > deadline  # before asking: after the machine stood still, ask once more
            self.require_running()
            if ready():
                return time.time() - self.started_at
            if late:
                raise self.failure(f"was not ready after {seconds:.0f} s")
            time.sleep(POLL_SECONDS)

    def require_running(self) -> None:
        """Raise `ComponentFailed` with the log's last lines if the process has ended."""
        code = self.exit_code
        if code is not None:
            raise self.failure(how_it_ended(code))

    def failure(self, happened: str) -> ComponentFailed:
        """The error that says which component, what happened and what its log ends with."""
        lines = last_lines(self.command.log)
        ending = "\n".join(f"    {line}" for line in lines) or "    (the log is empty)"
        return ComponentFailed(
            f"{self.command.name} {happened}. {self.command.log} ends with:\n{ending}",
            safe="database and objects stay where they were",
            next=f"read {self.command.log}, then run `python -m ckpt_ops.embedded up` again",
        )

    def stop(self) -> None:
        """End the process and everything it started; returns when all of it is gone."""
        if self._process is not None:
            running = procfs.identify(self._process.pid)
            stop_trees(
                [] if running is None else [running],
                stop_with=self.command.stop_with,
                seconds=self.command.stop_seconds,
                stopping=self.command.stopping,
                reap=self._process.poll,
            )
            self._process.wait()
            self._process = None
        self.command.record.unlink(missing_ok=True)


@dataclass(frozen=True, kw_only=True)
class Record:
    """What a later command must know to stop a process that outlived its supervisor."""

    name: str
    process: Identity
    stop_with: int = signal.SIGTERM
    stop_seconds: float = 15.0
    stopping: Stopping = Stopping.ALONE

    @classmethod
    def of(cls, pid: int, command: Command) -> Record:
        """The record of a process that was just started."""
        started = procfs.identify(pid)
        process = Identity(pid=pid, started="ended at once") if started is None else started
        return cls(
            name=command.name,
            process=process,
            stop_with=command.stop_with,
            stop_seconds=command.stop_seconds,
            stopping=command.stopping,
        )

    def write(self, path: Path) -> None:
        """Replace the file at `path` in one step."""
        content = {
            "name": self.name,
            "pid": self.process.pid,
            "started": self.process.started,
            "stop_with": int(self.stop_with),
            "stop_seconds": self.stop_seconds,
            "stopping": self.stopping.value,
        }
        write_private(path, _RECORD.encode(content))

    def stop(self) -> None:
        """End this process and everything below it."""
        stop_trees(
            [self.process],
            stop_with=signal.Signals(self.stop_with),
            seconds=self.stop_seconds,
            stopping=self.stopping,
        )

    @classmethod
    def read(cls, path: Path) -> Record | None:
        """The record at `path`, or None if there is none that can be read."""
        try:
            content = _RECORD.decode(path.read_bytes(), name=str(path))
            return cls(
                name=str(content["name"]),
                process=Identity(pid=int(content["pid"]), started=str(content["started"])),
                stop_with=int(content["stop_with"]),
                stop_seconds=float(content["stop_seconds"]),
                stopping=Stopping(content["stopping"]),
            )
        except (OSError, Corrupt, ValueError, KeyError, TypeError):
            return None


def stop_trees(
    roots: Iterable[Identity],
    *,
    stop_with: signal.Signals = signal.SIGTERM,
    seconds: float = 15.0,
    stopping: Stopping = Stopping.ALONE,
    reap: Callable[[], object] = lambda: None,
) -> None:
    """Ask these processes to end, then kill what is left of them and of all they started.

    What remains of the tree when the roots are gone, or when the time is up, is asked as well and
    then killed.
    """
    asked = [root for root in roots if root.alive]
    below = _below(asked)
    tree = {*asked, *below}
    if stopping is Stopping.WITH_TASKS:
        for task in procfs.group_leaders(below):
            task.signal(stop_with)
    for root in asked:
        root.signal(stop_with)
    began, asked_again = time.monotonic(), stopping is not Stopping.TWICE
    while any(root.alive for root in asked) and time.monotonic() - began < seconds:
        below = _below(asked)
        tree |= below
        if stopping is Stopping.WITH_TASKS and time.monotonic() - began > min(IDLE_SECONDS, seconds):
            if not procfs.group_leaders(below):
                break
        elif not below and not asked_again:
            asked_again = True
            for root in asked:
                root.signal(stop_with)
        time.sleep(POLL_SECONDS / 2)
        reap()
    rest = procfs.wait_gone(tree, seconds=0.5)
    end(rest - set(asked), seconds=3.0)
    for process in tree:
        process.signal(signal.SIGKILL)
    procfs.wait_gone(tree, seconds=5.0)


def _below(roots: Iterable[Identity]) -> set[Identity]:
    return procfs.identities(procfs.descendants(root.pid for root in roots if root.alive))


def end(processes: Iterable[Identity], *, seconds: float) -> None:
    """SIGTERM these, wait, SIGKILL what is left."""
    asked = set(processes)
    for process in asked:
        process.signal(signal.SIGTERM)
    for process in procfs.wait_gone(asked, seconds=seconds):
        process.signal(signal.SIGKILL)
    procfs.wait_gone(asked, seconds=2.0)


def private_log(path: Path) -> IO[bytes]:
    """A file to append to that only its owner can read: programs may print secrets."""
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    path.parent.chmod(0o700)
    return open(path, "ab", opener=lambda name, flags: os.open(name, flags, 0o600))


def last_lines(log: Path, count: int = 15) -> list[str]:
    """The last lines of a log that are not empty."""
    with suppress(OSError), log.open("rb") as file:
        file.seek(max(0, log.stat().st_size - 16_384))
        lines = file.read().decode(errors="replace").splitlines()
        return [line for line in lines if line.strip()][-count:]
    return []


def how_it_ended(code: int) -> str:
    """An exit status as text."""
    if code < 0:
        return f"was killed by {signal.Signals(-code).name}"
    return f"ended by itself with exit code {code}"
