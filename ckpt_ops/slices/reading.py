"""The rows of a committed slice, checked against the hashes under which they were written."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
from blake3 import blake3

from ckpt_ops.column_times import Columns, absent, filled, filled_schema
from ckpt_ops.errors import Corrupt, SliceUnreadable
from ckpt_ops.former_columns import FormerNames, as_then, former_names_in, schema_as_then
from ckpt_ops.slices.again import pull_again
from ckpt_ops.slices.datafiles import BYTES_PER_GROUP
from ckpt_ops.slices.declared import columns_of
from ckpt_ops.slices.manifest import DataFile, SliceManifest
from ckpt_ops.slices.source import SliceSource
from ckpt_ops.store import Store

_AT_ONCE = 32 * 2**20
_READ_AHEAD = 2**20
_LARGE_GROUP = (
    2 * BYTES_PER_GROUP
)  # as stored; a group in memory is close to that, where values do not repeat


def read_slice(store: Store, manifest: SliceManifest) -> pa.Table:
    """All rows in order, with the columns as they came: for slices that fit in memory.

    Raises `Corrupt` when a file's bytes changed.
    """
    tables = [
        pq.read_table(pa.BufferReader(_checked(store, file)), use_threads=False).replace_schema_metadata(None)
        for file in manifest.files
    ]
    return pa.concat_tables(tables)


def stored_schema(store: Store, manifest: SliceManifest) -> pa.Schema:
    """The columns as they came. Only the first data file is read. Raises `Corrupt`."""
    data = pa.BufferReader(_checked(store, manifest.files[0]))
    return pq.read_schema(data).remove_metadata()


@dataclass(frozen=True, kw_only=True)
class StagedSlice:
    """A slice's data files on the local disk, to be read as often as need be, any columns of it.

    Attributes:
        schema: the columns as they came; of a `filled` one, as readers see them.
        rows: how many.
        of: the slice as messages name it.
        absent: columns that are filled in, whatever the files hold.
        former: columns that have a former name, too.
    """

    schema: pa.Schema
    rows: int
    files: tuple[Path, ...]
    of: str = "the slice"
    absent: Columns = field(default_factory=dict)
    former: FormerNames = field(default_factory=dict)

    def filled(self, columns: Columns) -> StagedSlice:
        """The slice as readers see it: a column that it lacks by its time has its default in every row."""
        return replace(self, schema=filled_schema(self.schema, columns), absent=absent(columns))

    def as_then(self, names: FormerNames) -> StagedSlice:
        """The slice as older code reads it: with the former names of columns that it has under today's."""
        former = former_names_in(self.schema, names, self.absent)
        return replace(self, schema=schema_as_then(self.schema, former), former=former)

    def batches(self, columns: Sequence[str] | None = None) -> Iterator[pa.RecordBatch]:
        """All rows in order, a row group of at most 125,000 rows at a time, and about 128 MiB of it.

        Args:
            columns: read only these, in this order; all by default.

        Raises:
            SliceUnreadable: it has no such column.
        """
        lacking = [name for name in columns or () if name not in self.schema.names]
        if lacking:
            raise SliceUnreadable(
                f"{self.of} has no column {', '.join(map(repr, lacking))}: it has "
                f"{', '.join(self.schema.names)}",
                safe="nothing was written",
                next="ckpt-ops slice NAME KEY shows what it has; to keep it out of training: "
                "ckpt-ops withdraw MODEL --slice KEY --why TEXT",
            )
        names = self.schema.names if columns is None else list(columns)
        if self.former:
            for batch in self._filled(list(dict.fromkeys(self.former.get(name, name) for name in names))):
                yield as_then(batch, self.former, names)
        elif self.absent:
            yield from self._filled(names)
        else:
            yield from self._stored(columns)

    def _filled(self, names: list[str]) -> Iterator[pa.RecordBatch]:
        stored = [name for name in names if name not in self.absent]
        for batch in self._stored(stored or self._any_column()):
            yield filled(batch, self.absent, names)

    def _stored(self, columns: Sequence[str] | None) -> Iterator[pa.RecordBatch]:
        for path in self.files:
            with pq.ParquetFile(path) as file:
                for group in range(file.num_row_groups):
                    size = file.metadata.row_group(group).total_byte_size
                    if size > _LARGE_GROUP:  # of rows so wide that an earlier version wrote them together
                        yield from _some_at_a_time(path, group, size, columns)
                        continue
                    table = file.read_row_group(group, columns=columns, use_threads=False)
                    if columns is not None:
                        table = table.select(list(columns))
                    yield from table.replace_schema_metadata(None).combine_chunks().to_batches()

    def _any_column(self) -> list[str]:
        """One that is stored, to tell how many rows there are."""
        names: list[str] = pq.read_schema(self.files[0]).names[:1]
        return names


def _some_at_a_time(
    path: Path, group: int, size: int, columns: Sequence[str] | None
) -> Iterator[pa.RecordBatch]:
    """A row group of `size` bytes, as many rows at a time as have 128 MiB of them."""
    with pq.ParquetFile(path, pre_buffer=False, buffer_size=_READ_AHEAD) as file:
        rows = file.metadata.row_group(group).num_rows
        some = max(1, rows * BYTES_PER_GROUP // size)
        for batch in file.iter_batches(some, row_groups=[group], columns=columns, use_threads=False):
            found = batch if columns is None else batch.select(list(columns))
            yield found.replace_schema_metadata(None)


@contextmanager
def staged(store: Store, manifest: SliceManifest) -> Iterator[StagedSlice]:
    """Copy the slice's data files to the local disk while the block runs. Raises `Corrupt`."""
    with tempfile.TemporaryDirectory(prefix="ckpt-ops-slice-") as folder:
        paths = []
        for at, file in enumerate(manifest.files):
            path = Path(folder) / f"{at:05d}.parquet"
            _copy(store, file, path)
            paths.append(path)
        schema = pq.read_schema(paths[0]).remove_metadata()
        of = f"slice {manifest.key} of source {manifest.source!r}, revision {manifest.revision},"
        yield StagedSlice(schema=schema, rows=manifest.rows, files=tuple(paths), of=of)


@dataclass(kw_only=True, eq=False)
class StagedWhenRead:
    """As a `StagedSlice`, but nothing is copied before the first row is asked for.

    Attributes:
        schema, rows: as its first file and its manifest say.
    """

    schema: pa.Schema
    rows: int
    _stage: Callable[[], StagedSlice]
    _staged: StagedSlice | None = None

    def batches(self, columns: Sequence[str] | None = None) -> Iterator[pa.RecordBatch]:
        """As `StagedSlice.batches`. Raises `Corrupt` as well."""
        self._staged = self._staged or self._stage()
        return self._staged.batches(columns)


@contextmanager
def staged_when_read(store: Store, manifest: SliceManifest) -> Iterator[StagedWhenRead]:
    """The slice's rows while the block runs: copied to the local disk once, if they are read at all.

    Raises `Corrupt`.
    """
    with ExitStack() as stack:
        yield StagedWhenRead(
            schema=stored_schema(store, manifest),
            rows=manifest.rows,
            _stage=lambda: stack.enter_context(staged(store, manifest)),
        )


@contextmanager
def staged_as_declared(
    store: Store,
    source: SliceSource,
    manifest: SliceManifest,
    *,
    besides: Columns | None = None,
    former: FormerNames | None = None,
) -> Iterator[StagedSlice]:
    """As `staged`, with the declared columns that the slice lacks by its time: what models see of it.

    Args:
        besides: columns that it lacks by a different declaration; that of `source` counts where it is one.
        former: names that the code of an older version reads columns by.
    """
    with staged(store, manifest) as rows:
        found = rows.filled({**absent(besides or {}), **absent(columns_of(source, manifest.key))})
        yield found.as_then(former) if former else found


def _copy(store: Store, file: DataFile, path: Path) -> None:
    """To the local disk, some at a time. Raises `Corrupt`."""
    if file.size <= _AT_ONCE:
        path.write_bytes(_checked(store, file))
        return
    hasher, size = blake3(), 0
    with path.open("wb") as copy:
        while data := store.get_range(file.name, size, _AT_ONCE):
            hasher.update(data)
            copy.write(data)
            size += len(data)
            if len(data) < _AT_ONCE:
                break
    _check(store, file, hasher.hexdigest(), size)


def _checked(store: Store, file: DataFile) -> bytes:
    data = store.get(file.name)
    _check(store, file, blake3(data).hexdigest(), len(data))
    return data


def _check(store: Store, file: DataFile, found: str, size: int) -> None:
    if found != file.blake3:
        url = f"{store.url.rstrip('/')}/{file.name}"
        raise Corrupt(
            f"{url} was written with hash {file.blake3} and has {found} now "
            f"({size:,} bytes, written with {file.size:,})",
            safe="nothing was trained on it",
            next=f"delete {url}, then {pull_again(file.name.split('/')[2])}",
        )
