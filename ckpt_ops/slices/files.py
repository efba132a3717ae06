"""One Parquet object per slice, in a bucket or a directory, named by a template."""

from __future__ import annotations

import calendar
import functools
import io
import os
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import pyarrow as pa
import pyarrow.parquet as pq

from ckpt_ops.errors import BadInput, CkptOpsError, ObjectNotFound, SliceMissing, SliceUnreadable
from ckpt_ops.slices.identity import check_key
from ckpt_ops.store import Entry, Store, open_store

LANDING = "CKPT_OPS_LANDING"
_ONE_REQUEST = 32 * 2**20
_READ_AHEAD = 8 * 2**20
_BATCH_ROWS = 65_536
_SAFE = "the log and the champion are untouched; nothing was written"


@dataclass(frozen=True, kw_only=True)
class ParquetFiles:
    """A `SliceSource` over objects such as `flights/2013-01-06.parquet`.

    Attributes:
        name: the source's name in the store and the log.
        schema: the declared columns. Objects may differ: validation judges that.
        template: the object's name below `url`, with `{key}` once.
        url: `gs://bucket/prefix` or `file:///directory`. None: the environment's CKPT_OPS_LANDING,
            read at each call, so that one DAG file serves every deployment.
        key_format: strftime form of a key: the UTC start of its data interval. It must sort in time.
        weekday: the day on which every slice begins, 0 for Monday to 6 for Sunday. None: any.
    """

    name: str
    schema: pa.Schema
    template: str
    url: str | None = None
    key_format: str = "%Y-%m-%d"
    weekday: int | None = None

    def __post_init__(self) -> None:
        check_key(self.name, field="source name")
        if self.template.count("{key}") != 1 or "{" in self.template.replace("{key}", ""):
            raise BadInput(
                "template", self.template, "an object name with {key} once: 'flights/{key}.parquet'"
            )
        check_key(self._example(), field="key_format")
        if self.weekday not in (None, *range(7)):
            raise BadInput("weekday", self.weekday, "0 for Monday to 6 for Sunday, or None")

    def keys(self, start: datetime, end: datetime) -> list[str]:
        """Keys whose time is in [start, end), or is `start` when both are equal, of objects that are there.

        Names that fit the template but neither `key_format` nor `weekday` are no slices: passed over.
        """
        first, last = _utc(start), _utc(end)
        if last < first:
            raise BadInput("end", end.isoformat(), f"not before start={start.isoformat()}")
        before, after = self.template.split("{key}")
        shared = _shared(first.strftime(self.key_format), last.strftime(self.key_format))
        found = []
        for entry in self._store().list(before + shared):
            key = entry.name[len(before) : len(entry.name) - len(after)]
            time = self._time(key) if entry.name == before + key + after else None
            if time is not None and (first <= time < last or first == time == last):
                found.append(key)
        return sorted(found)

    def fingerprint(self, key: str) -> str:
        """The object's size and the store's fingerprint of it.

        Raises `SliceMissing`; `BadInput` for a key that no slice will ever have.
        """
        entry = self._entry(self._store(), key)
        return f"{entry.size}-{entry.fingerprint}"

    def read(self, key: str) -> Iterator[pa.RecordBatch]:
        """The object's rows, row group after row group.

        An object up to 32 MiB is one request; a larger one is read by ranges. Raises `SliceMissing`;
        `SliceUnreadable` when it is not Parquet, cut off, without rows, or of another table altogether.
        """
        store = self._store()
        entry = self._entry(store, key)
        url = _url_of(store, entry.name)
        if entry.size == 0:
            raise SliceUnreadable(f"{url} is empty: 0 bytes", safe=_SAFE, next=_again(url))
        try:
            file = pq.ParquetFile(_opened(store, entry), pre_buffer=False)
            found = file.schema_arrow.remove_metadata()
        except ObjectNotFound as error:
            raise _missing(self.name, key, url) from error
        except CkptOpsError:
            raise
        except (pa.ArrowException, OSError) as error:
            raise _not_parquet(store, entry, url, error) from error
        self._check(file.metadata.num_rows, found, url)
        return _batches(file, found, url)

    def _check(self, rows: int, found: pa.Schema, url: str) -> None:
        if rows == 0:
            raise SliceUnreadable(f"{url} is Parquet but has 0 rows", safe=_SAFE, next=_again(url))
        twice = sorted({name for name in found.names if found.names.count(name) > 1})
        if twice:
            raise SliceUnreadable(
                f"{url} has several columns of one name: {', '.join(twice)}", safe=_SAFE, next=_again(url)
            )
        if not set(found.names) & set(self.schema.names):
            raise SliceUnreadable(
                f"{url} is another table: none of its columns ({_some(found.names)}) is declared by source "
                f"{self.name!r} ({_some(self.schema.names)})",
                safe=_SAFE,
                next=f"{_again(url)}, or mend the template {self.template!r} of source {self.name!r}",
            )

    def _store(self) -> Store:
        url = self.url or os.environ.get(LANDING)
        if not url:
            raise BadInput(
                "url",
                url,
                f"gs://BUCKET/PREFIX or file:///DIRECTORY for source {self.name!r}",
                next=f"give the source url=, or set {LANDING}, for example {LANDING}=gs://my-bucket/landing",
            )
        return _store_at(url, os.environ.get("STORAGE_EMULATOR_HOST"), os.getpid())

    def _entry(self, store: Store, key: str) -> Entry:
        name = self.template.replace("{key}", check_key(key))
        if self._time(key) is None:
            day = "a time" if self.weekday is None else f"a {calendar.day_name[self.weekday]}"
            raise BadInput("slice key", key, f"{day} as {self.key_format}, such as {self._example()!r}")
        for entry in store.list(name):
            if entry.name == name:
                return entry
            break
        raise _missing(self.name, key, _url_of(store, name))

    def _time(self, key: str) -> datetime | None:
        try:
            time = datetime.strptime(key, self.key_format).replace(tzinfo=UTC)
        except ValueError:
            return None
        fits = time.strftime(self.key_format) == key and self.weekday in (None, time.weekday())
        return time if fits else None

    def _example(self) -> str:
        time = datetime(2013, 1, 6, tzinfo=UTC)
        if self.weekday is not None:
            time += timedelta(days=(self.weekday - time.weekday()) % 7)
        return time.strftime(self.key_format)


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
        view[: len(data)] = data
        self._at += len(data)
        return len(data)


@functools.lru_cache(maxsize=8)
def _store_at(url: str, emulator: str | None, process: int) -> Store:
    # A client keeps connections: one for all calls of a process, never one taken along by a fork.
    return open_store(url)


def _opened(store: Store, entry: Entry) -> pa.NativeFile | io.BufferedReader:
    if entry.size <= _ONE_REQUEST:
        return pa.BufferReader(store.get(entry.name))
    return io.BufferedReader(_Ranges(store, entry), _READ_AHEAD)


def _batches(file: pq.ParquetFile, found: pa.Schema, url: str) -> Iterator[pa.RecordBatch]:
    try:
        for batch in file.iter_batches(batch_size=_BATCH_ROWS):
            yield batch.replace_schema_metadata(None)
    except CkptOpsError:
        raise
    except (pa.ArrowException, OSError) as error:
        raise SliceUnreadable(
            f"{url} is damaged inside: its Parquet footer is whole, its data pages are not ({error})",
            safe=_SAFE,
            next=_again(url),
        ) from error


def _not_parquet(store: Store, entry: Entry, url: str, error: Exception) -> SliceUnreadable:
    head = store.get_range(entry.name, 0, 16)
    if head.startswith(b"PAR1"):
        what = f"{url} is cut off: it begins as Parquet, but its {entry.size:,} bytes end without a footer"
    else:
        what = f"{url} is not Parquet: its {entry.size:,} bytes begin with {head!r}, expected b'PAR1'"
    return SliceUnreadable(f"{what} ({str(error).splitlines()[0]})", safe=_SAFE, next=_again(url))


def _missing(source: str, key: str, url: str) -> SliceMissing:
    return SliceMissing(
        f"source {source!r} has no slice {key}: no object {url}",
        safe=_SAFE,
        next="wait for it to land: the pull is tried again; or mend the source's url or template",
    )


def _again(url: str) -> str:
    return f"write {url} anew, then clear the pull task"


def _some(names: list[str]) -> str:
    return ", ".join(names[:8]) + (f" and {len(names) - 8} more" if len(names) > 8 else "")


def _url_of(store: Store, name: str) -> str:
    return f"{store.url.rstrip('/')}/{name}"


def _shared(first: str, last: str) -> str:
    """What all keys between the two begin with, as keys sort in time: it narrows the listing."""
    length = next((at for at, pair in enumerate(zip(first, last, strict=False)) if pair[0] != pair[1]), None)
    return first[:length]


def _utc(time: datetime) -> datetime:
    return time.replace(tzinfo=UTC) if time.tzinfo is None else time.astimezone(UTC)
