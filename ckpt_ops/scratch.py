"""Rows that do not fit into memory lie in files of the worker's scratch folder, mapped into memory.

What is mapped is a cache of the disk: the operating system takes its pages back when memory is short. The
files have no name, so they are gone with the process, however it ends.
"""

from __future__ import annotations

import errno
import os
import resource
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any, cast

import numpy as np
import numpy.typing as npt

from ckpt_ops.errors import BadInput, ScratchFull

SCRATCH = "CKPT_OPS_SCRATCH"
IN_MEMORY = 4 << 20
"""Bytes of a column that stay in memory."""
_FULL = (errno.ENOSPC, errno.EDQUOT)


def scratch_folder() -> Path:
    """Where large columns lie: CKPT_OPS_SCRATCH if set, else the temporary folder."""
    named = os.environ.get(SCRATCH)
    folder = Path(named).absolute() if named else Path(tempfile.gettempdir())
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise BadInput(SCRATCH, named, f"a folder that can be written to: {error.strerror}") from None
    return folder


def check_room(needed: int, *, what: str) -> None:
    """Refuse, with `ScratchFull`, what does not fit into the scratch folder.

    Args:
        needed: bytes.
    """
    folder = scratch_folder()
    free = shutil.disk_usage(folder).free
    if needed > free:
        raise full(folder, f"{what} needs about {needed:,} bytes and {free:,} are free")


def full(folder: Path, why: str) -> ScratchFull:
    """The error that the scratch folder is full."""
    return ScratchFull(
        f"scratch folder {folder} has no room: {why}",
        safe="what was written of it is gone again; the champion serves on",
        next=f"free space there, or set {SCRATCH} to a folder on a larger disk, then retry",
    )


@contextmanager
def filling(folder: Path) -> Iterator[None]:
    """Around what writes there: a full disk is a `ScratchFull`."""
    try:
        yield
    except OSError as error:
        if error.errno not in _FULL:
            raise
        raise full(folder, "the disk is full") from None


class Spool:
    """Rows of one column, added one after the other: in memory while they are few, else in a file."""

    def __init__(self) -> None:
        self._parts: list[npt.NDArray[Any]] = []
        self._file: IO[bytes] | None = None
        self.bytes = 0

    def add(self, rows: npt.NDArray[Any]) -> None:
        """Append rows; all have one dtype and shape."""
        self.bytes += rows.nbytes
        if self._file is None and self.bytes <= IN_MEMORY:
            self._parts.append(np.array(rows))  # a copy: whoever made them may go on with their memory
            return
        with filling(scratch_folder()):
            if self._file is None:
                self._file = open_nameless(scratch_folder())
                for part in self._parts:
                    self._file.write(raw(part))
                self._parts = []
            self._file.write(raw(rows))

    def array(self, dtype: npt.DTypeLike, shape: tuple[int, ...]) -> npt.NDArray[Any]:
        """All rows, shape (rows, *shape), not to be written to. More may be added afterwards."""
        kind = np.dtype(dtype)
        if self._file is None:
            found = np.concatenate([np.empty((0, *shape), kind), *self._parts])
            found.setflags(write=False)
            return found
        with filling(scratch_folder()):
            self._file.flush()
        rows = self.bytes // (kind.itemsize * int(np.prod(shape, dtype=np.int64)))
        return np.memmap(self._file, kind, "r", shape=(rows, *shape))


def open_nameless(folder: Path) -> IO[bytes]:
    """A file that is gone with the last process that has it open."""
    try:
        return _open(folder)
    except OSError as error:
        if error.errno != errno.EMFILE:
            raise
    most = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))  # a file for each wide column
    return _open(folder)


def _open(folder: Path) -> IO[bytes]:
    return cast(IO[bytes], tempfile.TemporaryFile(prefix="ckpt-ops-rows-", dir=folder))


def raw(rows: npt.NDArray[Any]) -> Any:
    """The bytes of rows, for a file's `write`: NumPy's own writing does not say that a disk is full."""
    return np.ascontiguousarray(rows).reshape(-1).view(np.uint8).data
