"""Files that only their owner can read, each written in one step: nobody reads half of one."""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path


def write_private(path: Path, content: str | bytes, *, once: bool = False) -> None:
    """Write the file, and make the folders above it; with `once`, keep a file that exists."""
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(content.encode() if isinstance(content, str) else content)
    if not once:
        temporary.replace(path)
        return
    with suppress(FileExistsError):  # two processes at the same time: the first one's file stays
        path.hardlink_to(temporary)
    temporary.unlink()
