"""A directory as a store: for unit tests and offline tools.

A write goes to a temporary file in the root's own `.staging` folder and appears under its name by
`rename` (put) or `link` (put_if_absent). Both are atomic on a POSIX file system, and `link` fails
when the name is taken: that is what makes one racer win. A conditional delete checks and removes
under a lock that every write takes for its rename.
"""

from __future__ import annotations

import fcntl
import os
import tempfile
from bisect import bisect_left
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from ckpt_ops.errors import BadInput, BucketNotFound, ObjectNotFound, StoreForbidden, StoreUnavailable
from ckpt_ops.store.base import Entry, check_name, check_prefix, check_range

_STAGING = ".staging"


class LocalStore:
    """Objects as files below `root`. Raises `BucketNotFound` when `root` is no directory."""

    def __init__(self, root: Path | str) -> None:
        self.root = Path(root).absolute()
        if not self.root.is_dir():
            raise BucketNotFound(
                f"the directory {self.root} does not exist",
                safe="nothing was written",
                next=f"mkdir -p {self.root}",
            )

    @property
    def url(self) -> str:
        return self.root.as_uri()

    def get(self, name: str) -> bytes:
        path = self._path(name)
        with self._errors(name):
            return path.read_bytes()

    def get_range(self, name: str, start: int, length: int) -> bytes:
        check_range(start, length)
        path = self._path(name)
        with self._errors(name), path.open("rb") as file:
            file.seek(start)
            return file.read(length)

    def put(self, name: str, data: bytes | memoryview) -> None:
        path = self._path(name)
        staged = self._stage(path, name, data)
        try:
            with self._locked(fcntl.LOCK_SH):
                staged.replace(path)
        except OSError as error:
            staged.unlink(missing_ok=True)
            raise self._translated(error, name) from error

    def put_if_absent(self, name: str, data: bytes) -> bool:
        path = self._path(name)
        staged = self._stage(path, name, data)
        try:
            os.link(staged, path)
        except FileExistsError:
            return False
        except OSError as error:
            raise self._translated(error, name) from error
        finally:
            staged.unlink()
        return True

    def list(self, prefix: str, *, start: str = "") -> Iterator[Entry]:
        for name in self._names(check_prefix(prefix).rpartition("/")[0], prefix, start):
            try:
                stat = (self.root / name).stat()
            except FileNotFoundError:
                continue
            yield Entry(
                name=name, size=stat.st_size, fingerprint=_fingerprint(stat), updated=stat.st_mtime_ns / 1e9
            )

    def delete(self, name: str) -> None:
        path = self._path(name)
        try:
            with self._errors(name):
                path.unlink()
        except ObjectNotFound:
            return

    def delete_unchanged(self, entry: Entry) -> bool:
        path = self._path(entry.name)
        try:
            with self._errors(entry.name), self._locked(fcntl.LOCK_EX):
                if _fingerprint(path.stat()) != entry.fingerprint:
                    return False
                path.unlink()
        except ObjectNotFound:
            return False
        return True

    def _names(self, folder: str, prefix: str, start: str) -> Iterator[str]:
        """Names below `folder` in order, a folder at a time: who stops early has not read the rest.

        A folder sorts as its name and a slash, as the names below it do.
        """
        try:
            with os.scandir(f"{self.root}/{folder}") as found:
                below = sorted(name for one in found if (name := _sorted_as(one)))
        except OSError:  # it is gone, or no folder
            return
        before = f"{folder}/" if folder else ""
        # of those before `start`, only the last can be the folder that it lies in
        first = max(0, bisect_left(below, start.removeprefix(before)) - 1) if start.startswith(before) else 0
        for name in (f"{before}{one}" for one in below[first:]):
            if not name.endswith("/"):
                if name >= start and name.startswith(prefix):
                    yield name
            elif name == f"{_STAGING}/" or (name < start and not start.startswith(name)):
                continue  # all below it lie before `start`, or are no objects
            elif name.startswith(prefix) or prefix.startswith(name):
                yield from self._names(name[:-1], prefix, start)

    def _path(self, name: str) -> Path:
        if name.partition("/")[0] == _STAGING:
            raise BadInput("object name", name, f"a name outside {_STAGING}/, where writes are prepared")
        return self.root / check_name(name)

    @contextmanager
    def _locked(self, how: int) -> Iterator[None]:
        """Hold the root's lock; opened each time, because threads that share an open file share its lock."""
        (self.root / _STAGING).mkdir(exist_ok=True)
        with (self.root / _STAGING / "lock").open("a") as file:
            fcntl.flock(file, how)
            yield

    @contextmanager
    def _errors(self, name: str) -> Iterator[None]:
        """Translate the file system's errors into ours, for verbs that need the object."""
        try:
            yield
        except (FileNotFoundError, NotADirectoryError, IsADirectoryError):
            raise ObjectNotFound(f"no object {self.url}/{name}") from None
        except OSError as error:
            raise self._translated(error, name) from error

    def _stage(self, path: Path, name: str, data: bytes | memoryview) -> Path:
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            (self.root / _STAGING).mkdir(exist_ok=True)  # not earlier: a reader may have no right to
            handle, staged = tempfile.mkstemp(dir=self.root / _STAGING)
            try:
                with os.fdopen(handle, "wb") as file:
                    file.write(data)
                    file.flush()
                    os.fsync(file.fileno())
            except BaseException:
                Path(staged).unlink(missing_ok=True)
                raise
        except OSError as error:
            raise self._translated(error, name) from error
        return Path(staged)

    def _translated(self, error: OSError, name: str) -> StoreForbidden | StoreUnavailable:
        if isinstance(error, PermissionError):
            return StoreForbidden(
                f"no permission for {self.url}/{name}: {error.strerror}",
                safe="no object was changed",
                next=f"chmod u+rwX {self.root}",
            )
        return StoreUnavailable(
            f"the file system refused {self.url}/{name}: {error.strerror}",
            safe="no object was changed",
            next=f"df -h {self.root}",
        )


def _sorted_as(one: os.DirEntry[str]) -> str:
    """A folder's name with a slash; "" for a link to a folder, which is not followed."""
    if one.is_dir(follow_symlinks=False):
        return f"{one.name}/"
    return "" if one.is_dir() else one.name


def _fingerprint(stat: os.stat_result) -> str:
    return f"{stat.st_mtime_ns}-{stat.st_ino}"
