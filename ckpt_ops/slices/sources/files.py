"""Files in a bucket or a directory, named by a template: one a slice, or several."""

from __future__ import annotations

import functools
import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime

import pyarrow as pa

from ckpt_ops import checks
from ckpt_ops.column_times import ColumnTimes
from ckpt_ops.errors import UNTOUCHED, BadInput, ObjectNotFound, SliceChanging, SliceMissing, SliceUnreadable
from ckpt_ops.printable import first_few
from ckpt_ops.slices.again import TRIED_AGAIN, pull_again
from ckpt_ops.slices.declared import check_column_times, declared_at
from ckpt_ops.slices.formats import Csv, Format, JsonLines, format_of
from ckpt_ops.slices.formats.choosing import GZIP
from ckpt_ops.slices.formats.raw import RawFile
from ckpt_ops.slices.identity import check_key, digest
from ckpt_ops.slices.joining import one_after_the_other
from ckpt_ops.slices.periods import utc
from ckpt_ops.slices.sources.file_names import Naming, can_be_asked_for, form_of_names
from ckpt_ops.slices.sources.overlooked import Overlooked, overlooked, refusal
from ckpt_ops.slices.sources.partitions import check_partitions, with_partitions
from ckpt_ops.slices.unread import Unread
from ckpt_ops.store import Entry, Store, open_store
from ckpt_ops.time_forms import TimeForm

LANDING = "CKPT_OPS_LANDING"
_MOST_OF_NOTHING = 1024  # bytes of a gzip with nothing in it: its header has the file's name


@dataclass(frozen=True, kw_only=True)
class Files:
    """A `PartedSource` over files such as `flights/2013-01-06.parquet` or `flights/2013-01-06/*.csv.gz`.

    * `keys`: one listing; what fits the template and is a time. Other names are passed over.
    * `fingerprint`, `parts`: one listing. They change when one of the key's files comes, goes or is written
      again: they are made of the names, the sizes and the store's own fingerprints. No file is read.
    * `read`, `read_part`: the rows of the files in name order, or of one, in the types that the format
      says. Parquet comes as it is; CSV and JSON lines have no types, and are read as the declared ones, or
      refused by line, column and value. NaN, infinities and times in the future are values like others.
      Of several text files, one without a byte has no rows; a Parquet file without a byte is damaged.
      Memory is bounded by a batch, as the format states, never by the file: a file up to 32 MiB is one
      request, a larger one is read by ranges, and none is trusted to be as small as it says.

    A file that cannot be read spoils its own slice only: a source keeps nothing between calls.

    Attributes:
        name: the source's name in the store and the log.
        schema: the declared columns. Files may differ: validation evaluates that.
        template: the files' name below `url`: with `{key}` once, or with the time in a form of its own, in
            strftime directives: `year=%Y/month=%m/day=%d/*.parquet`, `%d.%m.%Y.csv`; `%-m` has no leading
            zeros. Each `*` stands for anything but '/', and makes a slice of several files.
        url: `gs://bucket/prefix` or `file:///directory`. None: the environment's CKPT_OPS_LANDING,
            read at each call, so that one DAG file serves every deployment.
        key_format: strftime form of a key: the start of its data interval, in the DAG's time zone. It sorts
            in time, and says as much as the template does.
        weekday: the day on which every slice begins, 0 for Monday to 6 for Sunday. None: any.
        format: None: as the template's end says: .parquet, .csv, .tsv, .jsonl, .ndjson or .json, and .gz
            behind it. In any format, files whose names end in .gz are unzipped.
        complete_when: the name below `url`, as a template, of a file that lands last, such as
            `flights/{key}/_SUCCESS`: without it the slice is not there yet. "": whatever is there is whole.
        leave_out: patterns of names below `url` that are no part of a slice, though they differ from one by a
            counter alone: without it, such a file refuses the slice, as its rows would be lost.
        max_expansion: how many times its stored size a file may unzip to.
        partitions: declared columns that folders say, such as `country` where the template has `country=*/`:
            every row of a file has the folder's value, as Hive and Spark write them.
        column_times: columns that came or went with a slice, each with what readers see in the others:
            `{"weather": Since("2013-02-01", default="none")}`.
    """

    name: str
    schema: pa.Schema
    template: str
    url: str | None = None
    key_format: str = "%Y-%m-%d"
    weekday: int | None = None
    format: Format | None = None
    complete_when: str = ""
    max_expansion: float = 200.0
    leave_out: tuple[str, ...] = ()
    partitions: tuple[str, ...] = field(default=(), repr=False)
    column_times: ColumnTimes = field(default_factory=dict, repr=False, hash=False)

    def __post_init__(self) -> None:
        check_key(self.name, field="source name")
        _ = self._naming  # raises for what is wrong with it
        if self.complete_when and (
            "*" in self.complete_when
            or not can_be_asked_for(self.complete_when)
            or self._last_name.chain != self._naming.names.chain
        ):
            raise BadInput(
                "complete_when",
                self.complete_when,
                "a name without '*' that says as much of the key as the template: 'flights/{key}/_SUCCESS'",
            )
        if isinstance(self.leave_out, str) or not all(map(can_be_asked_for, self.leave_out)):
            raise BadInput("leave_out", self.leave_out, "names below the url: ('flights/*/old-*.csv',)")
        checks.number("max_expansion", self.max_expansion, at_least=1, endless=True, allowed="at least 1")
        if self.format is None:
            format_of(self.template)
        check_partitions(self.partitions, self.template, self.schema)
        check_column_times(self)

    @property
    def several(self) -> bool:
        """A slice may have several files."""
        return "*" in self.template

    def keys(self, start: datetime, end: datetime) -> list[str]:
        """Keys whose time is in [start, end), or is `start` when both are equal, of files that are there.

        Names that fit the template but are no time, or of another `weekday`, are no slices: passed over.
        """
        first, last = utc(start), utc(end)
        if last < first:
            raise BadInput("end", end.isoformat(), f"not before start={start.isoformat()}")
        found = set()
        for entry in self._store().list(self._naming.shared(first, last)):
            key = self._naming.key_of(entry.name)
            time = self._naming.time_of(key) if key else None
            if key and time and (first <= time < last or first == time == last):
                found.add(key)
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

    def overlooked(self, start: datetime, end: datetime) -> list[Overlooked]:
        """Data files beside those of the slices from `start` up to but without `end` that are not read.

        One listing. Names that `leave_out` fits are not among them.
        """
        first, last = utc(start), utc(end)
        names = (entry.name for entry in self._store().list(self._naming.shared(first, last)))
        found = overlooked(self._naming, names, self.leave_out)
        times = ((one, self._naming.time_of(one.key)) for one in found)
        return [one for one, time in times if time and (first <= time < last or first == time == last)]

    def read(self, key: str) -> Iterator[pa.RecordBatch]:
        """The rows of the key's files, in name order.

        Raises `SliceMissing`; `SliceUnreadable` when a file is not of its format, cut off, damaged, of
        another table altogether, or has columns that do not go with those of the other files (`joining`);
        `SliceChanging` instead, when the file was rewritten meanwhile.
        """
        return self._one_after_the_other(key, self._entries(key))

    def read_part(self, key: str, part: str) -> Iterator[pa.RecordBatch]:
        """The rows of one file. Raises as `read`."""
        return self._read_part(key, part, None)

    def read_sparing(self, key: str, part: str, unread: Unread) -> Iterator[pa.RecordBatch]:
        """The rows of one file, but for those of text that do not parse: `unread` takes them.

        Raises as `read`; `SliceUnreadable`, too, when most rows do not parse.
        """
        return self._read_part(key, part, unread)

    def _read_part(self, key: str, part: str, unread: Unread | None) -> Iterator[pa.RecordBatch]:
        entries = self._entries(key)
        for entry in entries:
            if entry.name == part:
                return iter(()) if self._is_blank(entry, entries) else self._read(key, entry, unread)
        raise _missing(self.name, key, f"{self._store().url.rstrip('/')}/{part}")

    def _one_after_the_other(self, key: str, entries: list[Entry]) -> Iterator[pa.RecordBatch]:
        readers = {
            entry.name: functools.partial(self._read, key, entry)
            for entry in entries
            if not self._is_blank(entry, entries)
        }
        return one_after_the_other(readers, of=f"slice {key} of source {self.name!r}")

    def _is_blank(self, entry: Entry, entries: list[Entry]) -> bool:
        """A text file without a byte among others that have some: its writer had no rows for it."""
        if not isinstance(self._format, Csv | JsonLines):
            return False  # Parquet without rows has a schema: without a byte, it is damaged
        if all(other.name == entry.name or not other.size for other in entries):
            return False
        file = self._file(entry)
        if not entry.size or not file.gzipped or entry.size > _MOST_OF_NOTHING:
            return not entry.size
        with file.stream() as stream:
            return not stream.read(1)

    @property
    def _format(self) -> Format:
        return self.format or format_of(self.template)

    def _file(self, entry: Entry, unread: Unread | None = None) -> RawFile:
        return RawFile(
            store=self._store(),
            entry=entry,
            gzipped=entry.name.endswith(GZIP),
            max_expansion=self.max_expansion,
            unread=unread,
        )

    def _read(self, key: str, entry: Entry, unread: Unread | None = None) -> Iterator[pa.RecordBatch]:
        file, first = self._file(entry, unread), True
        try:
            for batch in self._format.batches(file, self._declared(key)):
                batch = with_partitions(batch, file, self.partitions, self.schema)
                if first:
                    self._check(file, batch.schema)
                    first = False
                if unread is not None:
                    unread.read += batch.num_rows
                yield batch
            if unread is not None and unread.count > unread.read:
                raise file.bad(
                    f"has {unread.count:,} rows that do not parse, and {unread.read:,} that do: "
                    f"{unread.rows[0].message}"
                )
        except ObjectNotFound as error:
            raise _missing(self.name, key, file.url) from error
        except SliceUnreadable as error:
            if entry not in self._entries(key):  # part of it was read before it was rewritten, part after
                raise SliceChanging(
                    f"{file.url} was rewritten while it was read",
                    safe=UNTOUCHED,
                    next=f"let its writer finish: {TRIED_AGAIN}",
                ) from error
            raise

    def _declared(self, key: str) -> pa.Schema:
        """JSON names no columns: what is asked for would come as nulls, before its time too."""
        asked = declared_at(self, key) if isinstance(self._format, JsonLines) else self.schema
        return pa.schema([each for each in asked if each.name not in self.partitions])

    def _check(self, file: RawFile, found: pa.Schema) -> None:
        twice = sorted({name for name in found.names if found.names.count(name) > 1})
        if twice:
            raise file.bad(f"has several columns of the same name: {', '.join(twice)}")
        if not set(found.names) & set(self.schema.names):
            raise file.bad(
                f"is a different table: none of its columns ({first_few(found.names, 8)}) is declared by "
                f"source {self.name!r} ({first_few(self.schema.names, 8)}); or fix the template "
                f"{self.template!r}"
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
        time = self._naming.checked(key)
        store, names = self._store(), self._naming.names.write(time)
        entries, there = [], []
        for entry in store.list(self._naming.names.beginning(time)):
            there.append(entry.name)
            if self._naming.key_of(entry.name) != key:
                continue
            if not can_be_asked_for(entry.name):
                raise SliceUnreadable(
                    f"a file of slice {key} of source {self.name!r} has a name that no store takes: "
                    f"{entry.name!r} in {store.url}",
                    safe=UNTOUCHED,
                    next=f"rename it, without control characters and in UTF-8, then {pull_again(key)}",
                )
            entries.append(entry)
        missed = [one for one in overlooked(self._naming, there, self.leave_out) if one.key == key]
        if not entries:
            raise _missing(self.name, key, f"{store.url.rstrip('/')}/{names}", missed)
        if self.complete_when:
            last = self._last_name.write(time)
            if all(entry.name != last for entry in store.list(last)):
                raise _missing(self.name, key, f"{store.url.rstrip('/')}/{last}, which lands last")
        if refused := refusal(self.name, store.url, self.template, missed):
            raise refused
        return entries

    @functools.cached_property
    def _last_name(self) -> TimeForm:
        return form_of_names(self.complete_when, self.key_format, field="complete_when")

    @functools.cached_property
    def _naming(self) -> Naming:
        return Naming(template=self.template, key_format=self.key_format, weekday=self.weekday)


@functools.lru_cache(maxsize=8)
def _store_at(url: str, emulator: str | None, process: int) -> Store:
    # A client keeps connections: one for all calls of a process, never one taken along by a fork.
    return open_store(url)


def _missing(source: str, key: str, url: str, missed: Sequence[Overlooked] = ()) -> SliceMissing:
    beside = f"; what is there does not fit: {first_few([one.name for one in missed], 8)}" if missed else ""
    return SliceMissing(
        f"source {source!r} has no slice {key}: no object {url}{beside}",
        safe=UNTOUCHED,
        next=f"wait for it to land: {TRIED_AGAIN}; or fix the source's url or template",
    )
