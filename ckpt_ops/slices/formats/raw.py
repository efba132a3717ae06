"""The bytes of one object as a file: read by ranges, unzipped, with bounds that bad input cannot pass."""

from __future__ import annotations

import gzip
import io
import shutil
import tempfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import IO, BinaryIO, cast

from ckpt_ops.errors import UNTOUCHED, SliceChanging, SliceUnreadable
from ckpt_ops.slices.again import TRIED_AGAIN, pull_again
from ckpt_ops.slices.unread import Unread, UnreadRow
from ckpt_ops.store import Entry, Store

ONE_REQUEST = 32 * 2**20
READ_AHEAD = 8 * 2**20
ALWAYS_ALLOWED = 64 * 2**20


class Fault(Exception):
    """Text that does not parse: the message about the file; the column, "" for a whole row; what is wrong."""

    def __init__(self, message: str, *, column: str = "", what: str) -> None:
        super().__init__(message)
        self.message, self.column, self.what = message, column, what


@dataclass(frozen=True, kw_only=True)
class RawFile:
    """One object.

    Attributes:
        gzipped: it is read through gzip.
        max_expansion: how many times the object's own bytes it may unzip to; 64 MiB are always allowed.
        unread: takes rows that do not parse; None: such a row makes the file unreadable.
    """

    store: Store
    entry: Entry
    gzipped: bool
    max_expansion: float
    unread: Unread | None = None

    @property
    def url(self) -> str:
        """For messages."""
        return f"{self.store.url.rstrip('/')}/{self.entry.name}"

    @property
    def most_bytes(self) -> int:
        """How many bytes it may unzip to."""
        return max(ALWAYS_ALLOWED, int(self.entry.size * self.max_expansion))

    def bad(self, what: str) -> SliceUnreadable:
        """The error that says what is wrong with this file."""
        return SliceUnreadable(
            f"{self.url} {what}", safe=UNTOUCHED, next=f"write {self.url} again, then {pull_again()}"
        )

    def leave_out(self, fault: Fault, line: int, value: str) -> None:
        """Leave out a row that does not parse. Raises `SliceUnreadable` when none may be, or most do not."""
        if self.unread is None:
            raise self.bad(fault.message) from fault
        self.unread.add(
            UnreadRow(file=self.entry.name, line=line, column=fault.column, value=value, why=fault.what)
        )
        if self.unread.hopeless:
            raise self.bad(
                f"{fault.message}; up to there {self.unread.count:,} rows do not parse, and "
                f"{self.unread.read:,} do"
            ) from fault

    @contextmanager
    def stream(self) -> Iterator[BinaryIO]:
        """The bytes from first to last.

        An object up to 32 MiB is one request; a larger one is read by ranges, 8 MiB ahead. While it is
        read it raises `SliceUnreadable`: a gzip that is cut off, damaged, or expands beyond its bound.
        """
        opened = self._opened()
        plain = io.BufferedReader(opened, READ_AHEAD) if isinstance(opened, _Ranges) else opened
        yield cast(BinaryIO, _Unzipped(self, plain) if self.gzipped else plain)

    @contextmanager
    def seekable(self) -> Iterator[BinaryIO]:
        """As `stream`, but for a reader that seeks: a gzip is unzipped to the local disk first.

        Of a larger object each read is one request: the reader has to read ahead where it needs to.
        """
        if not self.gzipped:
            yield cast(BinaryIO, self._opened())
            return
        with self.stream() as plain, tempfile.TemporaryFile(prefix="ckpt-ops-unzipped-") as unzipped:
            shutil.copyfileobj(plain, unzipped, 2**20)
            unzipped.seek(0)
            yield unzipped

    def _opened(self) -> io.BytesIO | _Ranges:
        if self.entry.size == 0:
            raise self.bad("is empty: 0 bytes")
        if self.entry.size <= ONE_REQUEST:
            return io.BytesIO(self.store.get(self.entry.name))
        return _Ranges(self.store, self.entry)


class _Ranges(io.RawIOBase):
    """An object as a seekable file: each read is one range request."""

    def __init__(self, store: Store, entry: Entry) -> None:
        self._store, self._entry, self._at = store, entry, 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._at

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        base = {io.SEEK_SET: 0, io.SEEK_CUR: self._at, io.SEEK_END: self._entry.size}[whence]
        self._at = base + offset
        return self._at

    def readinto(self, buffer: object) -> int:
        view = memoryview(buffer).cast("B")  # type: ignore[arg-type]
        length = max(0, min(len(view), self._entry.size - self._at))
        data = self._store.get_range(self._entry.name, self._at, length) if length else b""
        if len(data) < length:
            raise SliceChanging(
                f"{self._store.url.rstrip('/')}/{self._entry.name} became shorter while it was read",
                safe=UNTOUCHED,
                next=f"let its writer finish: {TRIED_AGAIN}",
            )
        view[: len(data)] = data
        self._at += len(data)
        return len(data)


class _Unzipped(io.BufferedIOBase):
    """A gzip, of one or several members, that stops at its bound. gzip itself checks each member's crc."""

    def __init__(self, file: RawFile, plain: IO[bytes]) -> None:
        self._file, self._bytes = file, 0
        self._zip = gzip.GzipFile(fileobj=plain)

    def readable(self) -> bool:
        return True

    def read(self, size: int | None = -1) -> bytes:
        left = self._file.most_bytes - self._bytes + 1
        try:
            data = self._zip.read(left if size is None or size < 0 else min(size, left))
        except EOFError as error:
            raise self._file.bad("is cut off: its gzip ends in the middle") from error
        except (gzip.BadGzipFile, zlib.error) as error:
            raise self._file.bad(f"is not a whole gzip: {error}") from error
        self._bytes += len(data)
        if self._bytes > self._file.most_bytes:
            raise self._file.bad(
                f"unzips to more than {self._file.most_bytes:,} bytes, "
                f"{self._file.max_expansion:g} times its own {self._file.entry.size:,}: a zip bomb, or "
                "max_expansion of the source is too low"
            )
        return data
