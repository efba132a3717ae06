"""What `examples()` made of slices, kept in the scratch folder: for a retry, a replay, another candidate.

A slice's columns are found by what makes them: the slice's revision, the pipeline's code, the libraries, and
which rows are held out. So nothing that is found is out of date, and nothing has to be told when it is.
"""

from __future__ import annotations

import json
import os
import shutil
import stat
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import blake3

from ckpt_ops.checks import whole
from ckpt_ops.column_times import described
from ckpt_ops.errors import BadInput, Corrupt, ScratchFull
from ckpt_ops.pipeline.code.digests import lock_digest
from ckpt_ops.pipeline.code.own import code_digest
from ckpt_ops.pipeline.pipeline import Pipeline
from ckpt_ops.scratch import SCRATCH, scratch_folder
from ckpt_ops.slices.declared import times_of
from ckpt_ops.training import Examples
from ckpt_ops.training.column_files import can_be_written, read_examples, write_examples
from ckpt_ops.values import describe

LIMIT = "CKPT_OPS_SCRATCH_LIMIT"
_LIMIT = 8 << 30
_FORMAT = 1
_ENTRY = "entry.json"
_PART = ".part-"
_ABANDONED = 24 * 3600.0  # seconds


@dataclass(frozen=True, kw_only=True)
class SliceColumns:
    """The columns of one slice.

    Attributes:
        train, holdout: its rows to train on and those held out; None: it has none.
        rows: of the slice.
    """

    train: Examples | None
    holdout: Examples | None
    rows: int


class KeptColumns:
    """Columns of a pipeline's slices, below the scratch folder.

    Args:
        code: digest of the pipeline's code as it was imported.
    """

    def __init__(self, pipeline: Pipeline, code: str) -> None:
        self._folder, self._pipeline, self._code = _folder(), pipeline, code
        source = pipeline.source
        self._made_by = [
            _FORMAT,
            code,
            lock_digest(),
            pipeline.examples,
            sorted(pipeline.segments),
            source.name,
            source.schema.to_string(),
            described(source.schema, times_of(source)),
            describe(pipeline.holdout, at="holdout"),
            pipeline.holdout_by,
        ]

    def find(self, key: str, revision: str) -> SliceColumns | None:
        """The slice's columns; None where they are not kept, or are damaged."""
        folder = self._entry(key, revision)
        try:
            entry = json.loads((folder / _ENTRY).read_bytes())
            train, holdout = (
                read_examples(folder / part) if entry[part] else None for part in ("train", "holdout")
            )
            os.utime(folder)
        except (Corrupt, ValueError, KeyError, OSError):  # most often it was never there
            shutil.rmtree(folder, ignore_errors=True)
            return None
        return SliceColumns(train=train, holdout=holdout, rows=entry["rows"])

    def keep(self, key: str, revision: str, columns: SliceColumns) -> None:
        """Keep the slice's columns, and give up the longest unused ones where all take too much.

        Where there is no room they are not kept: they can be made again.
        """
        parts = {"train": columns.train, "holdout": columns.holdout}
        if not all(part is None or can_be_written(part) for part in parts.values()):
            return
        limit = size_limit()
        folder = self._entry(key, revision)
        if not limit or folder.exists() or code_digest(self._pipeline) != self._code:
            return
        part = Path(tempfile.mkdtemp(prefix=_PART, dir=self._folder))
        try:
            size = sum(write_examples(one, part / name) for name, one in parts.items() if one is not None)
            entry = {
                "rows": columns.rows,
                "bytes": size,
                **{name: one is not None for name, one in parts.items()},
            }
            (part / _ENTRY).write_text(json.dumps(entry))
            if size <= limit:
                part.rename(folder)
        except (ScratchFull, OSError) as error:
            print(f"the columns of slice {key} are not kept: {error}", flush=True)
        finally:
            shutil.rmtree(part, ignore_errors=True)
        prune(self._folder, limit)

    def _entry(self, key: str, revision: str) -> Path:
        named = json.dumps([*self._made_by, key, revision]).encode()
        return self._folder / blake3.blake3(named).hexdigest()[:32]


def prune(folder: Path, limit: int) -> None:
    """Remove the longest unused entries until the rest takes at most `limit` bytes."""
    entries = sorted(_entries(folder), reverse=True)
    kept = 0
    for _, path, size in entries:
        kept += size
        if kept > limit:
            shutil.rmtree(path, ignore_errors=True)
    for part in folder.glob(f"{_PART}*"):
        if time.time() - part.stat().st_mtime > _ABANDONED:
            shutil.rmtree(part, ignore_errors=True)


def _entries(folder: Path) -> Iterator[tuple[float, Path, int]]:
    """When each was used last, where it lies, its bytes; without what another process removes meanwhile."""
    for path in folder.iterdir():
        if path.name.startswith(_PART):
            continue
        try:
            yield path.stat().st_mtime, path, json.loads((path / _ENTRY).read_bytes())["bytes"]
        except (OSError, ValueError, KeyError):
            continue


def size_limit() -> int:
    """The most bytes that are kept: CKPT_OPS_SCRATCH_LIMIT, 8 GiB if it is not set; 0: nothing is kept."""
    named = os.environ.get(LIMIT)
    if named is None:
        return _LIMIT
    allowed = "bytes, or 0: nothing is kept"
    return whole(LIMIT, int(named) if named.isdigit() else named, at_least=0, allowed=allowed)


def _folder() -> Path:
    """This user's own: columns that another one put there would be trained on.

    Raises `BadInput` where it is another user's, or open to others.
    """
    folder = scratch_folder() / f"ckpt-ops-columns-{os.geteuid()}"
    folder.mkdir(mode=0o700, exist_ok=True)
    found = folder.lstat()
    if found.st_uid != os.geteuid() or stat.S_IMODE(found.st_mode) & 0o077 or not stat.S_ISDIR(found.st_mode):
        raise BadInput(
            SCRATCH, str(folder), "a folder of your own that nobody else may open", next=f"chmod 700 {folder}"
        )
    return folder
