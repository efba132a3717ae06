"""Parquet: row group after row group, with the types that the file says."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import pyarrow as pa
import pyarrow.parquet as pq

from ckpt_ops.errors import CkptOpsError
from ckpt_ops.slices.formats.raw import ALWAYS_ALLOWED, RawFile

_BATCH_ROWS = 65_536


@dataclass(frozen=True, kw_only=True)
class Parquet:
    """Reads Parquet. Memory is bounded by a batch of 65,536 rows and the pages it lies in.

    What finds damage: the footer's magic a file that is cut off; page checksums, where its writer made them,
    any flipped bit of a page; the codec (zstd, gzip, brotli frames, sizes of snappy) most others. A bit that
    flips in an uncompressed page without a checksum is another value: only validation can find that.
    """

    def batches(self, file: RawFile, declared: pa.Schema) -> Iterator[pa.RecordBatch]:
        """See `Format.batches`."""
        with file.seekable() as opened:
            try:
                parquet = pq.ParquetFile(opened, pre_buffer=False, page_checksum_verification=True)
                found = parquet.schema_arrow.remove_metadata()
            except CkptOpsError:
                raise
            except (pa.ArrowException, OSError, ValueError) as error:
                opened.seek(0)
                raise file.bad(_no_parquet(opened.read(16), file.entry.size, error)) from error
            self._bounded(file, parquet.metadata)
            yield pa.RecordBatch.from_pylist([], schema=found)
            try:
                for batch in parquet.iter_batches(batch_size=_BATCH_ROWS, use_threads=False):
                    yield batch.replace_schema_metadata(None)
            except CkptOpsError:
                raise
            except (pa.ArrowException, OSError, ValueError, UnicodeDecodeError) as error:
                raise file.bad(
                    f"is damaged inside: its Parquet footer is whole, its data pages are not ({error})"
                ) from error

    def _bounded(self, file: RawFile, metadata: pq.FileMetaData) -> None:
        said = sum(metadata.row_group(at).total_byte_size for at in range(metadata.num_row_groups))
        if said > max(ALWAYS_ALLOWED, file.most_bytes):
            raise file.bad(
                f"says that it unzips to {said:,} bytes, more than {file.max_expansion:g} times its own "
                f"{file.entry.size:,}: a zip bomb, or max_expansion of the source is too low"
            )


def _no_parquet(head: bytes, size: int, error: Exception) -> str:
    words = str(error).splitlines()[0]
    if head.startswith(b"PAR1"):
        return (
            f"is cut off or damaged: it begins as Parquet, but its {size:,} bytes end without a whole footer "
            f"({words})"
        )
    return f"is not Parquet: its {size:,} bytes begin with {head!r}, expected b'PAR1' ({words})"
