"""Footers are read to the same answers as pyarrow gives, and damage in them ends nothing but the reading."""

from __future__ import annotations

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st
from landed import GOOD, flipped, parquet

from ckpt_ops.slices.formats.chunks import ColumnChunk, column_chunks
from ckpt_ops.slices.formats.thrift import BadThrift, read_struct


def footer_of(data: bytes) -> bytes:
    return data[-8 - int.from_bytes(data[-8:-4], "little") : -8]


@pytest.mark.parametrize("options", [{}, {"use_dictionary": False, "write_statistics": False},
                                     {"write_page_index": True, "data_page_version": "2.0"}])  # fmt: skip
def test_every_column_of_every_row_group(options: dict[str, object]) -> None:
    nested = GOOD.append_column("pairs", pa.array([[{"a": 1}]] * GOOD.num_rows))
    data = parquet(nested, row_group_size=100, **options)
    theirs = pq.read_metadata(pa.BufferReader(data))
    expected = []
    for group in (theirs.row_group(at) for at in range(theirs.num_row_groups)):
        for column in (group.column(at) for at in range(group.num_columns)):
            pages = (column.data_page_offset, column.dictionary_page_offset)
            counted = column.is_stats_set and column.statistics.has_null_count
            expected.append(
                ColumnChunk(
                    column=column.path_in_schema,
                    rows=group.num_rows,
                    size=column.total_uncompressed_size,
                    pages=tuple(page for page in pages if page is not None),
                    nulls=column.statistics.null_count if counted else None,
                )
            )
    assert list(column_chunks(footer_of(data))) == expected
    assert len(expected) == theirs.num_row_groups * theirs.num_columns > 7


def test_no_flipped_bit_and_no_cut_does_more_than_raise() -> None:
    footer = footer_of(parquet(GOOD.slice(0, 50)))
    spoiled = [flipped(footer, at) for at in range(len(footer))] + [footer[:at] for at in range(len(footer))]
    refused = 0
    for one in spoiled:
        try:
            list(column_chunks(one))
        except BadThrift:
            refused += 1
    assert refused > len(footer)


@given(st.binary(max_size=200))
def test_any_bytes_are_a_struct_or_refused(data: bytes) -> None:
    try:
        read_struct(data)
    except BadThrift:
        return


def test_structs_within_structs_without_end_are_refused() -> None:
    with pytest.raises(BadThrift):
        read_struct(b"\x1c" * 100_000)
    with pytest.raises(BadThrift):
        read_struct(b"\x19" + b"\xf9\xff\xff\xff\x7f" * 1000)


def test_lists_within_lists_without_end_are_refused() -> None:
    with pytest.raises(BadThrift, match="lists within lists"):
        read_struct(b"\x19" * 2_000)


def test_a_footer_with_lists_and_bytes_for_structs_is_refused() -> None:
    for value in (b"\x29\x15\x02", b"\x28\x01a", b"\x26\x02", b"\x21"):  # of field 2 + 2
        with pytest.raises(BadThrift):
            list(column_chunks(b"\x26\x02" + value + b"\x00"))
    empty_lists = b"\x49\x19" + b"\x0c"  # row groups: a list of one list of no struct
    with pytest.raises(BadThrift):
        list(column_chunks(empty_lists + b"\x00"))
