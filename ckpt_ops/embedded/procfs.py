"""Which processes exist, read from Linux's /proc.

A pid alone does not name a process: the kernel hands it out again. `Identity` pairs it with the
tick at which the process began and the machine's boot, which together are never reused.
"""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Collection, Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

PROC = Path("/proc")
PLATFORM_VARIABLE = "CKPT_OPS_PLATFORM_ID"
"""Set for the platform's processes and inherited by all that these start: no orphan is overlooked."""
COMPONENT_VARIABLE = "CKPT_OPS_PLATFORM_COMPONENT"
"""Likewise: the component of the platform that started them."""


@dataclass(frozen=True, kw_only=True)
class Identity:
    """One process, never confused with another one that had or gets its pid."""

    pid: int
    started: str

    @property
    def alive(self) -> bool:
        """Whether exactly this process still runs; a zombie does not."""
        return identify(self.pid) == self

    def signal(self, number: signal.Signals) -> None:
        """Send a signal to this process and never to another that got its pid."""
        if self.alive:
            with suppress(ProcessLookupError):
                os.kill(self.pid, number)


def identify(pid: int) -> Identity | None:
    """The process that has this pid now, or None (a zombie counts as none)."""
    fields = _stat(pid)
    if fields is None or fields[0] in {"Z", "X"}:
        return None
    return Identity(pid=pid, started=f"{_boot()}:{fields[19]}")


def descendants(pids: Iterable[int]) -> set[int]:
    """The children of these processes, their children, and so on."""
    children: dict[int, list[int]] = {}
    for pid in _pids():
        fields = _stat(pid)
        if fields is not None:
            children.setdefault(int(fields[1]), []).append(pid)
    found: set[int] = set()
    ahead = list(pids)
    while ahead:
        for child in children.get(ahead.pop(), []):
            if child not in found:
                found.add(child)
                ahead.append(child)
    return found


def marked(platform_id: str, *, component: str | None = None) -> set[int]:
    """The processes that have this platform's id in their environment; or those of one component."""
    entries = {f"{PLATFORM_VARIABLE}={platform_id}".encode()}
    if component is not None:
        entries.add(f"{COMPONENT_VARIABLE}={component}".encode())
    found = set()
    for pid in _pids():
        with suppress(OSError):
            if entries <= set((PROC / str(pid) / "environ").read_bytes().split(b"\0")):
                found.add(pid)
    return found - {os.getpid()}


def identities(pids: Iterable[int]) -> set[Identity]:
    """Those of these pids that run now."""
    return {found for pid in pids if (found := identify(pid)) is not None}


def group_leaders(processes: Iterable[Identity]) -> set[Identity]:
    """Those that lead a process group: among what runs below Airflow, the tasks and their trainings."""
    return {process for process in processes if _leads_group(process.pid)}


def wait_gone(processes: Collection[Identity], *, seconds: float) -> set[Identity]:
    """Wait until these have ended, at most `seconds`; returns those that have not."""
    deadline = time.monotonic() + seconds
    left = {process for process in processes if process.alive}
    while left and time.monotonic() < deadline:
        time.sleep(0.05)
        left = {process for process in left if process.alive}
    return left


def _leads_group(pid: int) -> bool:
    try:
        return os.getpgid(pid) == pid
    except ProcessLookupError:
        return False


def _pids() -> Iterator[int]:
    return (int(entry) for entry in os.listdir(PROC) if entry.isdigit())  # noqa: PTH208


def _stat(pid: int) -> list[str] | None:
    """Fields of /proc/PID/stat from the third (state) on; the second may hold spaces and brackets."""
    try:
        text = (PROC / str(pid) / "stat").read_text(errors="replace")
    except OSError:
        return None
    return text.rpartition(")")[2].split()


def _boot() -> str:
    return (PROC / "sys/kernel/random/boot_id").read_text().strip()
