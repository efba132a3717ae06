"""How large the pages of a Parquet file are: what a reader cannot cut, and the footer does not tell.

Writers make pages of one size, so the first page of a column's values in a row group stands for the others.
"""

from __future__ import annotations

import io
from typing import BinaryIO

from ckpt_ops.slices.formats.chunks import ColumnChunk, column_chunks
from ckpt_ops.slices.formats.raw import RawFile
from ckpt_ops.slices.formats.thrift import BadThrift, read_struct

MOST_PAGE_BYTES = 128 * 2**20
"""Most writers make pages of 1 MiB, some of 20,000 rows; a few put a whole row group into one."""

MOST_FOOTER_BYTES = 16 * 2**20
"""Of a footer that is read as values, which take up to seventy times its bytes in memory."""

_HEADER = 64 * 2**10  # its statistics may hold two values
_UNCOMPRESSED = 2  # `PageHeader.uncompressed_page_size`
_END = 8  # the footer's length and the magic


def check_pages(file: RawFile, opened: BinaryIO, *, most_bytes: int) -> None:
    """Refuse a file with a page of more than `most_bytes`. Raises `SliceUnreadable`.

    A damaged file passes, unless a page is to begin outside of it: reading it finds that. Only columns that
    are longer than that in a row group are looked at, a request each.
    """
    try:
        chunks = [chunk for chunk in column_chunks(_footer(file, opened)) if chunk.size > most_bytes]
    except BadThrift:
        return
    end = opened.seek(0, io.SEEK_END)
    for chunk in chunks:
        for start in chunk.pages:
            if not 0 <= start < end:
                raise file.bad(
                    f"is damaged: its footer says that a page of column {chunk.column} begins at byte "
                    f"{start:,}, and it has {end:,} bytes"
                )
            size = _page_size(opened, start)
            if size > most_bytes:
                raise file.bad(_too_large(chunk, size, most_bytes))


def _page_size(opened: BinaryIO, start: int) -> int:
    """Bytes before compression; 0 where there is no header, or one that is too long to be read here."""
    opened.seek(start)
    try:
        size = read_struct(opened.read(_HEADER)).get(_UNCOMPRESSED)
    except BadThrift:
        return 0
    return size if isinstance(size, int) and not isinstance(size, bool) else 0


def _footer(file: RawFile, opened: BinaryIO) -> bytes:
    size = opened.seek(0, io.SEEK_END)
    opened.seek(max(0, size - _END))
    length = int.from_bytes(opened.read(4), "little")
    if length > MOST_FOOTER_BYTES:
        raise file.bad(
            f"has a footer of {length:,} bytes, and may have {MOST_FOOTER_BYTES:,} where a row group "
            "is larger than a page may be. Write it with fewer row groups a file, or without statistics "
            "(write_statistics=False in pyarrow); or, where there is the memory for a row group of it, give "
            "the source format=Parquet(most_page_bytes=...)"
        )
    opened.seek(max(0, size - _END - length))
    return opened.read(length)


def _too_large(chunk: ColumnChunk, size: int, most_bytes: int) -> str:
    return (
        f"has a page of {size:,} bytes in column {chunk.column}, in a row group of {chunk.rows:,} rows: a "
        f"page is read whole, and may have {most_bytes:,}. Write it with shorter row groups, or pages: "
        "row_group_size=1_000_000 (pyarrow, polars), row_group_offsets=1_000_000 (fastparquet), "
        "data_page_size (pyarrow); or, where there is the memory for it, give the source "
        "format=Parquet(most_page_bytes=...)"
    )
