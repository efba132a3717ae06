"""Files that only their owner can read, each written in one step: nobody reads half of one."""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path


def write_private(path: Path, content: str | bytes, *, once: bool = False) -> None:
    """Write the file and the folders above it; `once`: leave one that is there as it is."""
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(content.encode() if isinstance(content, str) else content)
    if not once:
        temporary.replace(path)
        return
    with suppress(FileExistsError):  # two that begin together: the first one's stays
        path.hardlink_to(temporary)
    temporary.unlink()
