"""Parquet: row group after row group, with the types that the file says."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass

import pyarrow as pa
import pyarrow.parquet as pq

from ckpt_ops import checks
from ckpt_ops.errors import CkptOpsError
from ckpt_ops.slices.formats.pages import MOST_PAGE_BYTES, check_pages
from ckpt_ops.slices.formats.raw import ALWAYS_ALLOWED, RawFile
from ckpt_ops.values import as_code, later

_BATCH_ROWS = 65_536
_BATCH_BYTES = 64 * 2**20
_AHEAD_BYTES = 64 * 2**20
_INDEX = re.compile(r"__index_level_\d+__")
_LEAST_AHEAD, _MOST_AHEAD = 2**18, 8 * 2**20


@dataclass(frozen=True, kw_only=True)
class Parquet:
    """Reads Parquet.

    The index that pandas writes beside the columns (`__index_level_0__`, where the file's metadata calls it
    an index) is no column, unless it is declared.

    Memory, whatever the size of the file and of its row groups: 64 MiB read ahead, shared by the columns
    (at least 256 KiB each), a page of each, and a batch of 65,536 rows or of 64 MiB, whichever is less.
    Values that a dictionary repeats count once towards those 64 MiB. A page cannot be cut: a file whose
    writer made one of a whole row group, of more than `most_page_bytes`, is refused.

    What finds damage:

    * cut off: the magic at the end;
    * a flipped bit in the footer: its own syntax; the row counts, which it holds twice; or it says other
      columns, which validation finds;
    * in a page's header: the number of rows that came. Arrow takes a page of unknown type for no page;
    * in a page: the page's checksum, where its writer made them (pyarrow: `write_page_checksum=True`).
      Without one, the codec's own (zstd, gzip and brotli have frames, snappy only lengths). A bit that
      flips in an uncompressed or snappy page without a checksum makes a different value: only validation
      can find that;
    * on the way here: GCS sends a crc32c with a whole object, and the store compares it. A range, as
      objects above 32 MiB are read by, has none.

    Attributes:
        most_page_bytes: of a page of a column, as its values are stored, before compression.
    """

    most_page_bytes: int = later(MOST_PAGE_BYTES)

    def __post_init__(self) -> None:
        checks.whole("Parquet.most_page_bytes", self.most_page_bytes, allowed="at least 1 byte")

    def __repr__(self) -> str:
        return as_code(self)

    def batches(self, file: RawFile, declared: pa.Schema) -> Iterator[pa.RecordBatch]:
        """See `Format.batches`."""
        with file.seekable() as opened:
            try:
                metadata = pq.read_metadata(opened)
                opened.seek(0)
                parquet = pq.ParquetFile(
                    opened,
                    metadata=metadata,
                    pre_buffer=False,
                    buffer_size=_ahead(metadata),
                    page_checksum_verification=True,
                )
                index = _index_of(parquet.schema_arrow) - set(declared.names)
                found = pa.schema([each for each in parquet.schema_arrow if each.name not in index])
            except CkptOpsError:
                raise
            except (pa.ArrowException, OSError, ValueError) as error:
                opened.seek(0)
                raise file.bad(_no_parquet(opened.read(16), file.entry.size, error)) from error
            size = _bounded(file, metadata)
            if _largest_group(metadata) > self.most_page_bytes:
                check_pages(file, opened, most_bytes=self.most_page_bytes)
            yield pa.RecordBatch.from_pylist([], schema=found)
            rows = 0
            try:
                for batch in parquet.iter_batches(batch_size=_batch_rows(metadata, size), use_threads=False):
                    rows += batch.num_rows
                    yield batch.drop_columns(list(index)).replace_schema_metadata(None)
            except CkptOpsError:
                raise
            except (pa.ArrowException, OSError, ValueError) as error:
                raise file.bad(
                    f"is damaged inside: its Parquet footer is whole, its data pages are not ({error})"
                ) from error
            groups = sum(metadata.row_group(at).num_rows for at in range(metadata.num_row_groups))
            if not rows == groups == metadata.num_rows:
                raise file.bad(
                    f"is damaged inside: its footer says {metadata.num_rows:,} rows, its row groups "
                    f"{groups:,}, and {rows:,} were read"
                )


def _index_of(schema: pa.Schema) -> set[str]:
    """The unnamed levels of a pandas index among the columns. One with a name means something: it stays."""
    try:
        names = json.loads((schema.metadata or {}).get(b"pandas", b"{}"))["index_columns"]
    except (ValueError, KeyError, TypeError):
        return set()
    return {name for name in names if isinstance(name, str) and _INDEX.fullmatch(name)}


def _ahead(metadata: pq.FileMetaData) -> int:
    """Bytes to read ahead of each column; without, Arrow holds a row group's columns whole."""
    columns: int = metadata.num_columns
    return min(max(_AHEAD_BYTES // max(columns, 1), _LEAST_AHEAD), _MOST_AHEAD)


def _largest_group(metadata: pq.FileMetaData) -> int:
    return max((metadata.row_group(at).total_byte_size for at in range(metadata.num_row_groups)), default=0)


def _batch_rows(metadata: pq.FileMetaData, size: int) -> int:
    rows: int = metadata.num_rows
    return max(1, min(_BATCH_ROWS, _BATCH_BYTES * max(rows, 1) // max(size, 1)))


def _bounded(file: RawFile, metadata: pq.FileMetaData) -> int:
    """The bytes that the row groups say they unzip to."""
    size: int = sum(metadata.row_group(at).total_byte_size for at in range(metadata.num_row_groups))
    if size > max(ALWAYS_ALLOWED, file.most_bytes):
        raise file.bad(
            f"says that it unzips to {size:,} bytes, more than {file.max_expansion:g} times its own "
            f"{file.entry.size:,}: a zip bomb, or max_expansion of the source is too low"
        )
    return size


def _no_parquet(head: bytes, size: int, error: Exception) -> str:
    message = str(error).splitlines()[0]
    if head.startswith(b"PAR1"):
        return (
            f"is cut off or damaged: it begins as Parquet, but its {size:,} bytes end without a whole footer "
            f"({message})"
        )
    return f"is not Parquet: its {size:,} bytes begin with {head!r}, expected b'PAR1' ({message})"
