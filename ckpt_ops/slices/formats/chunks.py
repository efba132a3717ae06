"""What a Parquet footer says of each column in each row group (parquet.thrift, `ColumnMetaData`)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from ckpt_ops.slices.formats.thrift import BadThrift, Struct, read_struct

_ROW_GROUPS = 4
_COLUMNS, _GROUP_ROWS = 1, 3
_METADATA = 3
_PATH, _UNCOMPRESSED, _DATA_PAGE, _DICTIONARY_PAGE, _STATISTICS = 3, 6, 9, 11, 12
_NULL_COUNT = 3


@dataclass(frozen=True, kw_only=True)
class ColumnChunk:
    """The values of a column in a row group.

    Attributes:
        column: its name; with dots, where it is nested.
        rows: of the row group.
        size: bytes before compression.
        pages: where the first page of values begins, and that of a dictionary.
        nulls: None where the writer did not count.
    """

    column: str
    rows: int
    size: int
    pages: tuple[int, ...]
    nulls: int | None


def column_chunks(footer: bytes) -> Iterator[ColumnChunk]:
    """Of a file's footer, without its length and the magic. Raises `BadThrift`."""
    try:
        for group in read_struct(footer)[_ROW_GROUPS]:
            for chunk in group[_COLUMNS]:
                yield _chunk(chunk[_METADATA], group[_GROUP_ROWS])
    except (LookupError, TypeError, AttributeError, ValueError) as error:
        raise BadThrift(f"no footer of Parquet: {error!r}") from error


def _chunk(metadata: Struct, rows: int) -> ColumnChunk:
    pages = [metadata[at] for at in (_DATA_PAGE, _DICTIONARY_PAGE) if at in metadata]
    return ColumnChunk(
        column=".".join(part.decode() for part in metadata[_PATH]),
        rows=int(rows),
        size=int(metadata[_UNCOMPRESSED]),
        pages=tuple(map(int, pages)),
        nulls=metadata.get(_STATISTICS, {}).get(_NULL_COUNT),
    )
