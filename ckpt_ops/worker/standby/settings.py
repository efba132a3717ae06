"""Whether standby interpreters are wanted here, for how long one waits, and where they are found."""

from __future__ import annotations

import os
import stat
import tempfile
from contextlib import suppress
from pathlib import Path

from ckpt_ops.errors import BadInput

VARIABLE = "CKPT_OPS_STANDBY"
_SECONDS, _LONGEST = 600.0, 86_400.0
_OFF = ("off", "0")

WARM_UP_SECONDS = 120.0
"""How long the imports may take."""
MOST_BYTES = 1_500_000_000
"""A standby that holds more after its imports is ended: all that a training needs takes about half."""
_FREE_BYTES = 2_000_000_000


def is_off() -> bool:
    """Whether none is to be started or taken. Raises `BadInput`: the variable has no such value."""
    return seconds() == 0


def seconds() -> float:
    """For how long one waits for a job; 0: there are none. Raises `BadInput`."""
    value = os.environ.get(VARIABLE, "").strip().lower()
    if not value:
        return _SECONDS
    if value in _OFF:
        return 0.0
    with suppress(ValueError):
        if 1 <= float(value) <= _LONGEST:
            return float(value)
    raise BadInput(
        VARIABLE,
        value,
        f"off, or for how many seconds a standby interpreter waits for a job: 1 to {_LONGEST:.0f}",
        next=f"unset {VARIABLE} for {_SECONDS:.0f} seconds",
    )


def folder() -> Path | None:
    """The folder of this user's sockets on this host, made if need be; None: it is not safe to use.

    Whoever can write there could pass off a program of theirs as a standby.
    """
    found = Path(tempfile.gettempdir()) / f"ckpt-ops-standby-{os.getuid()}"
    try:
        with suppress(FileExistsError):
            found.mkdir(mode=0o700)
        there = found.lstat()
    except OSError:
        return None
    ours = stat.S_ISDIR(there.st_mode) and there.st_uid == os.getuid() and not there.st_mode & 0o077
    return found if ours else None


def has_room() -> bool:
    """Whether the host, and the control group of this process, have memory for one more."""
    return min(_available(), _left_of_group()) >= _FREE_BYTES


def _available() -> float:
    with suppress(OSError, ValueError, IndexError):
        for line in Path("/proc/meminfo").read_text().splitlines():
            if line.startswith("MemAvailable:"):
                return float(line.split()[1]) * 1024
    return float("inf")


def _left_of_group(groups: Path = Path("/sys/fs/cgroup")) -> float:
    """What the limit of the control group leaves; copies of files that the kernel would give up are free."""
    with suppress(OSError, ValueError, IndexError):
        [group] = [one[3:] for one in Path("/proc/self/cgroup").read_text().split() if one.startswith("0::")]
        here = groups / group.lstrip("/")
        limit = (here / "memory.max").read_text().strip()
        if limit != "max":
            held = float((here / "memory.current").read_text())
            stat = dict(line.split() for line in (here / "memory.stat").read_text().splitlines())
            return float(limit) - held + float(stat["inactive_file"])
    return float("inf")
