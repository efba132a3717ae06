"""What `examples()` made of slices, kept in the scratch folder: for a retry, a replay, another candidate.

A slice's columns are found by what makes them: the slice's revision, the pipeline's code, the libraries, and
which rows are held out. So nothing that is found is out of date, and nothing has to be told when it is.

This is a cache: where it cannot be read or written, columns are made again.
"""

from __future__ import annotations

import json
import os
import shutil
import stat
import sys
import tempfile
import time
from collections.abc import Collection, Iterator
from contextlib import suppress
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import blake3

from ckpt_ops.column_times import described
from ckpt_ops.errors import BadInput, CkptOpsError, Corrupt
from ckpt_ops.pipeline.code.own import code_digest
from ckpt_ops.pipeline.pipeline import Pipeline
from ckpt_ops.scratch import scratch_folder
from ckpt_ops.slices.declared import times_of
from ckpt_ops.training import Examples
from ckpt_ops.training.column_files import can_be_written, read_examples, write_examples
from ckpt_ops.values import describe

LIMIT = "CKPT_OPS_SCRATCH_LIMIT"
_LIMIT = 8 << 30
_FORMAT = 1
_INSTALLED = (".dist-info", ".egg-info")
_ENTRY = "entry.json"
_PART = ".part-"
_ABANDONED = 24 * 3600.0  # seconds
_UNUSED = 30 * 24 * 3600.0  # seconds


@dataclass(frozen=True, kw_only=True)
class SliceColumns:
    """The columns of one slice.

    Attributes:
        train, holdout: its rows to train on and those held out; None: it has none.
    """

    train: Examples | None
    holdout: Examples | None


class KeptColumns:
    """Columns of a pipeline's slices, below `folder`.

    Args:
        code: digest of the pipeline's code as it was imported.
    """

    def __init__(self, pipeline: Pipeline, code: str, folder: Path) -> None:
        self._folder, self._pipeline, self._code = folder, pipeline, code
        source = pipeline.source
        self._made_by = [
            _FORMAT,
            code,
            _libraries(),
            pipeline.examples,
            sorted(pipeline.segments),
            source.name,
            source.schema.to_string(),
            described(source.schema, times_of(source)),
            describe(pipeline.holdout, at="holdout"),
            pipeline.holdout_by,
        ]

    def trainable(self, key: str, revision: str) -> int | None:
        """How many of the slice's rows are not held out; None where its columns are not kept."""
        with suppress(OSError, ValueError, KeyError):
            return int(_entry(self._place(key, revision))["train"])
        return None

    def find(self, key: str, revision: str) -> SliceColumns | None:
        """The slice's columns; None where they are not kept, or are damaged."""
        folder = self._place(key, revision)
        try:
            entry = _entry(folder)
            train, holdout = (
                read_examples(folder / part) if entry[part] else None for part in ("train", "holdout")
            )
            os.utime(folder)
        except (FileNotFoundError, Corrupt, ValueError, KeyError):  # most often it was never there
            remove(folder)
            return None
        except OSError:  # it may be read again
            return None
        return SliceColumns(train=train, holdout=holdout)

    def keep(self, key: str, revision: str, columns: SliceColumns) -> None:
        """Keep the slice's columns, and give up the longest unused ones where all take too much."""
        parts = {"train": columns.train, "holdout": columns.holdout}
        if not all(part is None or can_be_written(part) for part in parts.values()):
            return
        try:
            folder = self._place(key, revision)
            if folder.exists() or code_digest(self._pipeline) != self._code:
                return
            part = Path(tempfile.mkdtemp(prefix=_PART, dir=self._folder))
            try:
                size = sum(write_examples(one, part / name) for name, one in parts.items() if one is not None)
                entry = {
                    "source": self._pipeline.source.name,
                    "key": key,
                    "revision": revision,
                    "bytes": size,
                    **{name: 0 if one is None else one.rows for name, one in parts.items()},
                }
                (part / _ENTRY).write_text(json.dumps(entry))
                part.rename(folder)
            finally:
                shutil.rmtree(part, ignore_errors=True)
            prune(self._folder, size_limit())
        except (CkptOpsError, OSError) as error:
            print(f"the columns of slice {key} are not kept: {error}", flush=True)

    def drop(self, key: str, revision: str) -> None:
        """Give up the slice's columns."""
        remove(self._place(key, revision))

    def _place(self, key: str, revision: str) -> Path:
        named = json.dumps([*self._made_by, key, revision]).encode()
        return self._folder / blake3.blake3(named).hexdigest()[:32]


def drop_columns(source: str, revisions: Collection[tuple[str, str]]) -> None:
    """Give up the columns of slices, each (key, revision), that this machine keeps for whichever pipeline."""
    folder = own_folder()
    for _, path, entry in _entries(folder) if folder is not None else ():
        if entry.get("source") == source and (entry.get("key"), entry.get("revision")) in revisions:
            remove(path)


def prune(folder: Path, limit: int) -> None:
    """Remove what was not used for a month, and the longest unused until the rest takes `limit` bytes."""
    kept, now = 0, time.time()
    for used, path, entry in sorted(_entries(folder), key=lambda one: one[0], reverse=True):
        kept += int(entry["bytes"])
        if kept > limit or now - used > _UNUSED:
            remove(path)
    for path in folder.iterdir():
        with suppress(OSError):
            if not (path / _ENTRY).exists() and now - path.stat().st_mtime > _ABANDONED:
                shutil.rmtree(path, ignore_errors=True)


def remove(folder: Path) -> None:
    """Remove an entry, in one step for whoever looks for it."""
    with suppress(OSError):
        gone = folder.rename(folder.with_name(f"{_PART}{folder.name}-{os.getpid()}"))
        shutil.rmtree(gone, ignore_errors=True)


def _entry(folder: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((folder / _ENTRY).read_bytes())
    return found


def _entries(folder: Path) -> Iterator[tuple[float, Path, dict[str, Any]]]:
    """When each was used last, and what it says; without what another process removes meanwhile."""
    for path in list(folder.iterdir()):
        with suppress(OSError, ValueError):
            if not path.name.startswith(_PART):
                yield path.stat().st_mtime, path, _entry(path)


def size_limit() -> int:
    """The most bytes that are kept: CKPT_OPS_SCRATCH_LIMIT, 8 GiB if it is not set; 0: nothing is kept."""
    named = os.environ.get(LIMIT)
    if named is None:
        return _LIMIT
    if not (named.isascii() and named.isdecimal()):
        raise BadInput(LIMIT, named, "bytes, or 0: nothing is kept")
    return int(named)


def own_folder() -> Path | None:
    """Where this user's columns are kept; None where nothing may be.

    What somebody else could put there would be trained on: it has to be this user's own, and nobody else's.
    """
    if not size_limit():
        return None
    folder = scratch_folder() / f"ckpt-ops-columns-{os.geteuid()}"
    with suppress(OSError):
        folder.mkdir(mode=0o700, exist_ok=True)
        found = folder.lstat()
        others = stat.S_IMODE(found.st_mode) & 0o077
        if stat.S_ISDIR(found.st_mode) and found.st_uid == os.geteuid() and not others:
            return folder
    print(f"no columns are kept: {folder} is not a folder of this user alone (mode 0700)", flush=True)
    return None


@cache
def _libraries() -> str:
    """A digest of Python and of every distribution that is installed: `examples()` may use any of them."""
    installed = [sys.version]
    for path in sys.path:
        with suppress(OSError):
            installed += [one.name for one in Path(path or ".").iterdir() if one.suffix in _INSTALLED]
    return blake3.blake3("\n".join(sorted(installed)).encode()).hexdigest()[:16]
