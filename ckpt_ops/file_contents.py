"""A file as bytes that a store can put, without reading it into memory."""

from __future__ import annotations

import mmap
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def contents(path: Path) -> Iterator[memoryview]:
    """The bytes of a file that is not empty, while the block runs. The kernel may take their memory back."""
    with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as mapped:
        view = memoryview(mapped)
        try:
            yield view
        finally:
            view.release()
