"""Rows into Parquet files: the same bytes for the same rows, named by their hash, written once.

A data file belongs to a key, not to a revision: `slices/{source}/{key}/data/{blake3}.parquet`. So parts
that are pulled side by side need not know the revision, a pull that was killed finds what it wrote, and
revisions that share rows (a release, a correction of one file of many) share files.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
from blake3 import blake3

from ckpt_ops.errors import UNTOUCHED, SliceUnreadable
from ckpt_ops.file_contents import contents
from ckpt_ops.slices.content import ContentHash
from ckpt_ops.slices.manifest import DataFile
from ckpt_ops.slices.row_sizes import dictionary_bytes, row_bytes
from ckpt_ops.store import Store

ROWS_PER_FILE = 500_000
ROWS_PER_GROUP = 125_000
BYTES_PER_GROUP = 128 * 2**20
"""Of a row group in memory, at most: rows of more than 1 KB (pictures, long lists) make shorter ones."""

_BLOCK_ROWS = 64


def stage(
    batches: Iterable[pa.RecordBatch], folder: Path, *, prefix: str, rows_per_file: int = ROWS_PER_FILE
) -> tuple[pa.Schema | None, list[DataFile]]:
    """Write the rows to `folder`, one file per `rows_per_file`; the schema is None without any batch.

    Memory is bounded by a row group of 125,000 rows or 128 MiB, whichever is less, and a batch; `folder` by
    the rows. Batches must have one schema, of types that Parquet gives back (`as_stored`).

    Args:
        prefix: `slices/{source}/{key}`, for the files' names in the store.
    """
    rest = iter(batches)
    first = next(rest, None)
    if first is None:
        return None, []
    rows = _Rows(itertools.chain([first], rest))
    files: list[DataFile] = []
    while rows:
        files.append(
            _write_file(rows, first.schema, folder / f"{len(files):05d}.parquet", rows_per_file, prefix)
        )
    return first.schema, files


def upload(store: Store, folder: Path, files: list[DataFile]) -> None:
    """Put what `stage` left in `folder` into the store; what is there already is not sent again."""
    for at, file in enumerate(files):
        if not is_there(store, file):
            with contents(folder / f"{at:05d}.parquet") as data:
                store.put(file.name, data)


def is_there(store: Store, file: DataFile) -> bool:
    """Whether the store has the file, in its size: a listing of one name, however many a key has."""
    return any((entry.name, entry.size) == (file.name, file.size) for entry in store.list(file.name))


def as_stored(batches: Iterable[pa.RecordBatch], *, of: str) -> Iterator[pa.RecordBatch]:
    """The non-empty batches in the types that Parquet gives back (timestamp[s] becomes [ms]).

    An empty batch comes through only when it is the first: it says the schema.

    Args:
        of: what gave the batches, for the message of `SliceUnreadable`, when their schemas differ.
    """
    came: pa.Schema | None = None
    stored: pa.Schema | None = None
    for batch in batches:
        if came is None:
            came = batch.schema.remove_metadata()
            stored = stored_schema(came, of)
            yield batch.replace_schema_metadata(None).cast(stored)
            continue
        if batch.schema.remove_metadata() != came:
            raise SliceUnreadable(
                f"{of} came in batches of different schemas: {came.to_string(show_field_metadata=False)!r}, "
                f"then {batch.schema.to_string(show_field_metadata=False)!r}",
                safe=UNTOUCHED,
                next="fix read() of the source: one schema per slice",
            )
        if batch.num_rows:
            yield batch.replace_schema_metadata(None).cast(stored)


class _Rows:
    """A stream of batches that gives out as many rows as one asks for, however they were cut."""

    def __init__(self, batches: Iterator[pa.RecordBatch]) -> None:
        self._rest = (batch for batch in batches if batch.num_rows)
        self._batch: pa.RecordBatch | None = next(self._rest, None)

    def __bool__(self) -> bool:
        return self._batch is not None

    def take(self, rows: int, most_bytes: int) -> pa.Table | None:
        """Up to `rows` rows as one chunk, fewer at the end of the stream; None after it.

        At least one row, and no more of them than take `most_bytes` in memory, without the dictionaries of
        the first one's batch.
        """
        taken: list[pa.RecordBatch] = []
        missing, left = rows, most_bytes
        while missing and self._batch is not None and (left > 0 or not taken):
            if taken:  # the first one's dictionaries are in memory, however few of its rows are taken
                left -= dictionary_bytes(self._batch, besides=taken[-1])
            piece = self._batch.slice(0, missing)
            if row_bytes(piece) > left:
                piece = piece.slice(0, max(_rows_within(piece, left), 0 if taken else 1))
                if not piece.num_rows:
                    break
                left = 0
            missing -= piece.num_rows
            left -= row_bytes(piece)
            taken.append(piece)
            if piece.num_rows < self._batch.num_rows:
                self._batch = self._batch.slice(piece.num_rows)
            else:
                self._batch = next(self._rest, None)
        return pa.Table.from_batches(taken).combine_chunks() if taken else None


def _rows_within(batch: pa.RecordBatch, most_bytes: int) -> int:
    """How many of its first rows take no more than that in memory."""
    rows, left = 0, most_bytes
    for size in (_BLOCK_ROWS, 1):
        while rows < batch.num_rows and (taken := row_bytes(batch.slice(rows, size))) <= left:
            rows, left = min(rows + size, batch.num_rows), left - taken
    return rows


def _write_file(rows: _Rows, schema: pa.Schema, path: Path, limit: int, prefix: str) -> DataFile:
    content = ContentHash()
    # Every option that shapes the bytes is spelled out: a retry must write the same object.
    with pq.ParquetWriter(
        path,
        schema,
        version="2.6",
        data_page_version="1.0",
        compression="zstd",
        compression_level=3,
        use_dictionary=True,
        write_statistics=True,
        store_schema=True,
    ) as writer:
        while content.rows < limit:
            table = rows.take(min(ROWS_PER_GROUP, limit - content.rows), BYTES_PER_GROUP)
            if table is None:
                break
            for batch in table.to_batches():
                content.update(batch)
            writer.write_table(table, row_group_size=ROWS_PER_GROUP)
    digest = blake3().update_mmap(path).hexdigest()
    return DataFile(
        name=f"{prefix}/data/{digest}.parquet",
        rows=content.rows,
        size=path.stat().st_size,
        blake3=digest,
        content=content.hexdigest(),
    )


def stored_schema(came: pa.Schema, of: str) -> pa.Schema:
    """The columns as Parquet gives them back. Raises `SliceUnreadable`."""
    sink = pa.BufferOutputStream()
    try:
        pq.write_table(came.empty_table(), sink)
    except pa.ArrowException as error:
        raise SliceUnreadable(
            f"{of} has a type that Parquet cannot keep: {error}",
            safe=UNTOUCHED,
            next="cast the column in read() of the source",
        ) from error
    return pq.read_schema(pa.BufferReader(sink.getvalue())).remove_metadata()
