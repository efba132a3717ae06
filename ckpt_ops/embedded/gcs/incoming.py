"""Contents on their way into an object, as a file."""

from __future__ import annotations

import secrets
from pathlib import Path
from typing import BinaryIO

from ckpt_ops.embedded.gcs.checksums import Checksums


class Incoming:
    """A file that grows, and its checksums. It is removed unless an object takes it."""

    def __init__(self, folder: Path) -> None:
        self.content = secrets.token_hex(16)
        self.path = folder / self.content
        self.size = 0
        self.checksums = Checksums()
        self._file: BinaryIO = self.path.open("xb", buffering=0)

    def write(self, data: bytes) -> None:
        """Append the bytes."""
        with memoryview(data) as view:
            written = 0
            while written < len(view):
                written += self._file.write(view[written:])
        self.checksums.update(data)
        self.size += len(data)

    def close(self) -> None:
        """Close the file: nothing more comes."""
        self._file.close()

    def discard(self) -> None:
        """Remove the file, unless an object took it."""
        self.close()
        self.path.unlink(missing_ok=True)
