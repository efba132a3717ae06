"""A file or folder on this machine that appears under its name complete, or not at all.

Libraries write in place: `model.save` killed in the middle leaves an unreadable file under its final
name. Here they write into a hidden folder beside it, which is renamed when everything is on the disk.
A process that is killed leaves that hidden folder, and never the name.
"""

from __future__ import annotations

import errno
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from ckpt_ops.errors import BadInput, CkptOpsError, ExportFailed
from ckpt_ops.short_errors import in_short

_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)


def check_new(out: Path) -> None:
    """Refuse, with `BadInput`, a name that is taken and one in a folder that does not exist."""
    if os.path.lexists(out):
        raise BadInput("OUT", str(out), "a name that does not exist yet", next=f"mv {out} elsewhere")
    if not out.parent.is_dir():
        raise BadInput("OUT", str(out), "a name in a folder that exists", next=f"mkdir -p {out.parent}")


@contextmanager
def whole(out: Path) -> Iterator[Path]:
    """Yield where to write the future `out`: a path that does not exist yet, in the same file system.

    Raises:
        BadInput: see `check_new`.
        ExportFailed: it could not be written; nothing is left of it.
    """
    check_new(out)
    folder = None
    try:
        folder = Path(tempfile.mkdtemp(prefix=f".{out.name}.", suffix=".part", dir=out.parent))
        staged = folder / out.name
        yield staged
        _to_disk(staged)
        check_new(out)  # it took a while: somebody else may have been first
        staged.rename(out)
    except CkptOpsError:
        raise
    except Exception as error:
        raise _failed(out, error) from error
    finally:
        if folder is not None:
            shutil.rmtree(folder, ignore_errors=True)


def _to_disk(path: Path) -> None:
    """Written bytes may be in memory only: if a rename outlives them, the file is empty."""
    for each in [path, *path.rglob("*")] if path.is_dir() else [path]:
        handle = os.open(each, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)


def _failed(out: Path, error: Exception) -> ExportFailed:
    space = isinstance(error, OSError) and error.errno in _FULL
    return ExportFailed(
        f"{out} could not be written: {in_short(error)}",
        safe=f"nothing was left at {out}; the checkpoint is intact",
        next=f"df -h {out.parent}" if space else f"fix that, or export to another folder than {out.parent}",
    )
