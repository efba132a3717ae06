"""Where checkpoints go: a directory on disk, or a bucket of the GCS server on this machine.

A peer that can only write files writes them into `directory`. For a bucket it then uploads them with
google-cloud-storage, and before a restore downloads them: what its user would do.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Protocol

from ckpt_ops.store import GcsStore, LocalStore, Store

BUCKET = "ckpt-ops"
_PREFIX = "bench"
Entries = dict[str, tuple[int, str]]


class Place(Protocol):
    """Attributes:
    directory: for peers that write files.
    """

    directory: Path

    def store(self) -> Store:
        """This place as a store of ckpt_ops."""
        ...

    def publish(self) -> None:
        """Bring files that are new or changed in `directory` to where checkpoints are kept."""
        ...

    def fetch(self) -> None:
        """Bring all files back into `directory`."""
        ...

    def entries(self) -> Entries:
        """Size and fingerprint of each object kept here, to see what one save wrote."""
        ...


class Disk:
    """A directory. Files are where they belong as soon as they are written."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        directory.mkdir(parents=True, exist_ok=True)

    def store(self) -> Store:
        return LocalStore(self.directory)

    def publish(self) -> None:
        return

    def fetch(self) -> None:
        return

    def entries(self) -> Entries:
        return files(self.directory)


class Gcs:
    """A bucket of the server that STORAGE_EMULATOR_HOST names; `directory` is where peers stage files."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        directory.mkdir(parents=True, exist_ok=True)
        self._published: Entries = {}

    def store(self) -> Store:
        return GcsStore(bucket=BUCKET, prefix=_PREFIX)

    def publish(self) -> None:
        from google.cloud import storage

        found = files(self.directory)
        bucket = storage.Client().bucket(BUCKET)
        for name, entry in found.items():
            if self._published.get(name) != entry:
                bucket.blob(f"{_PREFIX}/{name}").upload_from_filename(self.directory / name)
        self._published = found

    def fetch(self) -> None:
        from google.cloud import storage

        for blob in storage.Client().list_blobs(BUCKET, prefix=f"{_PREFIX}/"):
            path = self.directory / blob.name.removeprefix(f"{_PREFIX}/")
            path.parent.mkdir(parents=True, exist_ok=True)
            blob.download_to_filename(path)

    def entries(self) -> Entries:
        return {entry.name: (entry.size, entry.fingerprint) for entry in self.store().list("")}


def files(directory: Path) -> Entries:
    found: Entries = {}
    for folder, _, names in os.walk(directory):
        for name in names:
            path = Path(folder) / name
            stat = path.stat()
            fingerprint = f"{stat.st_mtime_ns}-{stat.st_ino}"
            found[path.relative_to(directory).as_posix()] = (stat.st_size, fingerprint)
    return found


def flush(directory: Path, before: Entries) -> None:
    """fsync each file that `before` does not hold, and the directories they are in."""
    new = [directory / name for name, entry in files(directory).items() if before.get(name) != entry]
    for path in [*new, *{file.parent for file in new}]:
        handle = os.open(path, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)


PLACES = {"disk": Disk, "gcs": Gcs}
