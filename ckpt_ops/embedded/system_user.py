"""The user that a server runs as when root starts the platform."""

from __future__ import annotations

import os
import pwd
import shutil
import stat
import subprocess
from pathlib import Path

NAME = "pgserver"


def unprivileged(data: Path) -> pwd.struct_passwd | None:
    """The user for the server of `data`: None, the caller, unless the caller is root.

    Data that exists keeps its owner, unless that is root; new data gets the system user `pgserver`, created
    on first use, or `nobody` where users cannot be created.
    """
    if os.geteuid() != 0:
        return None
    if data.exists() and data.stat().st_uid != 0:
        return pwd.getpwuid(data.stat().st_uid)
    for attempt in (0, 1):
        try:
            return pwd.getpwnam(NAME)
        except KeyError:
            if attempt == 0 and (useradd := shutil.which("useradd")) is not None:
                subprocess.run(
                    [useradd, "--system", "--no-create-home", "--shell", "/bin/false", NAME],
                    capture_output=True,
                    check=False,
                )
    return pwd.getpwnam("nobody")


def let_pass(directory: Path) -> None:
    """Let other users pass through (not list) this directory and those above it."""
    for path in (directory, *directory.parents):
        mode = path.stat().st_mode
        if not mode & stat.S_IXOTH:
            path.chmod(stat.S_IMODE(mode) | stat.S_IXOTH)
