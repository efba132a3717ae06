"""Files in a bucket or a directory, named by a template: one a slice, or several."""

from __future__ import annotations

import calendar
import functools
import itertools
import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import pyarrow as pa

from ckpt_ops.errors import BadInput, ObjectNotFound, SliceMissing
from ckpt_ops.slices.formats import Format, format_of
from ckpt_ops.slices.formats.choosing import GZIP
from ckpt_ops.slices.formats.raw import SAFE, RawFile
from ckpt_ops.slices.identity import check_key, digest
from ckpt_ops.slices.times import pattern_of, time_of
from ckpt_ops.store import Entry, Store, open_store

LANDING = "CKPT_OPS_LANDING"


@dataclass(frozen=True, kw_only=True)
class Files:
    """A `SliceSource` over files such as `flights/2013-01-06.parquet` or `flights/2013-01-06/*.csv.gz`.

    * `keys`: one listing; what fits the template and is a time as `key_format`.
    * `fingerprint`: changes when one of the key's files comes, goes or is written anew: it is made of the
      names, the sizes and the store's own fingerprints. It reads no file.
    * `read`: the rows of the files in name order, in the types that the format says.

    Attributes:
        name: the source's name in the store and the log.
        schema: the declared columns. Files may differ: validation judges that.
        template: the files' name below `url`, with `{key}` once. Each `*` stands for anything but '/', and
            makes a slice of several files.
        url: `gs://bucket/prefix` or `file:///directory`. None: the environment's CKPT_OPS_LANDING,
            read at each call, so that one DAG file serves every deployment.
        key_format: strftime form of a key: the UTC start of its data interval. It must sort in time.
        weekday: the day on which every slice begins, 0 for Monday to 6 for Sunday. None: any.
        format: None: as the template's end says: .parquet, .csv, .tsv, .jsonl, .ndjson or .json, and .gz
            behind it.
        max_expansion: an unzipped file may be so many times as large as it lies there.
    """

    name: str
    schema: pa.Schema
    template: str
    url: str | None = None
    key_format: str = "%Y-%m-%d"
    weekday: int | None = None
    format: Format | None = None
    max_expansion: float = 200.0

    def __post_init__(self) -> None:
        check_key(self.name, field="source name")
        if self.template.count("{key}") != 1 or "{" in self.template.replace("{key}", ""):
            raise BadInput(
                "template", self.template, "an object name with {key} once: 'flights/{key}.parquet'"
            )
        if any(part in ("", ".", "..") for part in self.template.split("/")):
            raise BadInput(
                "template", self.template, "a name below the url, without empty, '.' or '..' parts"
            )
        check_key(self._example(), field="key_format")
        if self.weekday not in (None, *range(7)):
            raise BadInput("weekday", self.weekday, "0 for Monday to 6 for Sunday, or None")
        if self.max_expansion < 1:
            raise BadInput("max_expansion", self.max_expansion, "at least 1")
        if self.format is None:
            format_of(self.template)

    @property
    def several(self) -> bool:
        """A slice may have several files."""
        return "*" in self.template

    def keys(self, start: datetime, end: datetime) -> list[str]:
        """Keys whose time is in [start, end), or is `start` when both are equal, of files that are there.

        Names that fit the template but neither `key_format` nor `weekday` are no slices: passed over.
        """
        first, last = _utc(start), _utc(end)
        if last < first:
            raise BadInput("end", end.isoformat(), f"not before start={start.isoformat()}")
        before = self.template.split("{key}")[0].split("*")[0]
        shared = ""
        if "*" not in self.template.split("{key}")[0]:
            shared = _shared(first.strftime(self.key_format), last.strftime(self.key_format))
        found = set()
        for entry in self._store().list(before + shared):
            fits = self._pattern.fullmatch(entry.name)
            time = self._time(fits["key"]) if fits else None
            if fits and time is not None and (first <= time < last or first == time == last):
                found.add(fits["key"])
        return sorted(found)

    def fingerprint(self, key: str) -> str:
        """Of all the key's files.

        Raises `SliceMissing`; `BadInput` for a key that no slice will ever have.
        """
        return digest(*(text for part in self.parts(key).items() for text in part))

    def parts(self, key: str) -> dict[str, str]:
        """By name, the size and the store's fingerprint of each of the key's files.

        Raises as `fingerprint`.
        """
        return {entry.name: f"{entry.size}-{entry.fingerprint}" for entry in self._entries(key)}

    def read(self, key: str) -> Iterator[pa.RecordBatch]:
        """The rows of the key's files, in name order.

        Raises `SliceMissing`; `SliceUnreadable` when a file is not of its format, cut off, damaged, or of
        another table altogether.
        """
        entries = self._entries(key)
        return itertools.chain.from_iterable(self._read(key, entry) for entry in entries)

    def read_part(self, key: str, part: str) -> Iterator[pa.RecordBatch]:
        """The rows of one file. Raises as `read`."""
        for entry in self._entries(key):
            if entry.name == part:
                return self._read(key, entry)
        raise _missing(self.name, key, f"{self._store().url.rstrip('/')}/{part}")

    def _read(self, key: str, entry: Entry) -> Iterator[pa.RecordBatch]:
        file = RawFile(
            store=self._store(),
            entry=entry,
            gzipped=entry.name.endswith(GZIP),
            max_expansion=self.max_expansion,
        )
        first = True
        try:
            for batch in (self.format or format_of(self.template)).batches(file, self.schema):
                if first:
                    self._check(file, batch.schema)
                    first = False
                yield batch
        except ObjectNotFound as error:
            raise _missing(self.name, key, file.url) from error

    def _check(self, file: RawFile, found: pa.Schema) -> None:
        twice = sorted({name for name in found.names if found.names.count(name) > 1})
        if twice:
            raise file.bad(f"has several columns of one name: {', '.join(twice)}")
        if not set(found.names) & set(self.schema.names):
            raise file.bad(
                f"is another table: none of its columns ({_some(found.names)}) is declared by source "
                f"{self.name!r} ({_some(self.schema.names)}); or mend the template {self.template!r}"
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

    def _entries(self, key: str) -> list[Entry]:
        pattern = self.template.replace("{key}", check_key(key))
        if self._time(key) is None:
            day = "a time" if self.weekday is None else f"a {calendar.day_name[self.weekday]}"
            raise BadInput("slice key", key, f"{day} as {self.key_format}, such as {self._example()!r}")
        store = self._store()
        entries = []
        for entry in store.list(pattern.split("*")[0]):
            fits = self._pattern.fullmatch(entry.name)
            if fits and fits["key"] == key:
                entries.append(entry)
        if not entries:
            raise _missing(self.name, key, f"{store.url.rstrip('/')}/{pattern}")
        return entries

    @functools.cached_property
    def _pattern(self) -> re.Pattern[str]:
        key = f"(?P<key>{pattern_of(self.key_format)})"
        template = re.escape(self.template).replace(r"\*", "[^/]*").replace(r"\{key\}", key)
        return re.compile(template)

    def _time(self, key: str) -> datetime | None:
        time = time_of(key, self.key_format)
        return time if time is not None and self.weekday in (None, time.weekday()) else None

    def _example(self) -> str:
        time = datetime(2013, 1, 6, tzinfo=UTC)
        if self.weekday is not None:
            time += timedelta(days=(self.weekday - time.weekday()) % 7)
        return time.strftime(self.key_format)


@functools.lru_cache(maxsize=8)
def _store_at(url: str, emulator: str | None, process: int) -> Store:
    # A client keeps connections: one for all calls of a process, never one taken along by a fork.
    return open_store(url)


def _missing(source: str, key: str, url: str) -> SliceMissing:
    return SliceMissing(
        f"source {source!r} has no slice {key}: no object {url}",
        safe=SAFE,
        next="wait for it to land: the pull is tried again; or mend the source's url or template",
    )


def _some(names: list[str]) -> str:
    return ", ".join(names[:8]) + (f" and {len(names) - 8} more" if len(names) > 8 else "")


def _shared(first: str, last: str) -> str:
    """What all keys between the two begin with, as keys sort in time: it narrows the listing."""
    length = next((at for at, pair in enumerate(zip(first, last, strict=False)) if pair[0] != pair[1]), None)
    return first[:length]


def _utc(time: datetime) -> datetime:
    return time.replace(tzinfo=UTC) if time.tzinfo is None else time.astimezone(UTC)
