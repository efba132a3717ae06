"""Which differences between declared and found columns are drift, and in which words."""

from __future__ import annotations

import pyarrow as pa
import pytest

from ckpt_ops.column_types import fits
from ckpt_ops.validation import Kind, Severity, schema_drift

DECLARED = pa.schema([("carrier", pa.string()), ("distance", pa.int64()), ("speed", pa.float64())])


def test_the_declared_columns_in_another_order_are_no_drift() -> None:
    assert schema_drift(DECLARED, pa.schema(list(DECLARED)[::-1])) == []


def test_each_column_is_named_with_what_was_and_what_came() -> None:
    found = pa.schema([("distance", pa.string()), ("speed", pa.null()), ("gate", pa.int8())])
    reasons = schema_drift(DECLARED, found)
    assert [(reason.kind, reason.severity, reason.message) for reason in reasons] == [
        (Kind.MISSING, Severity.CRITICAL, "column carrier is missing: declared as string"),
        (Kind.TYPE, Severity.CRITICAL, "column distance changed its type: declared int64, came string"),
        (
            Kind.ALL_NULL,
            Severity.WARNING,
            "column speed has no value in any row: declared double, came without a type",
        ),
        (Kind.EXTRA, Severity.WARNING, "column gate is new: not declared, came as int8; nothing reads it"),
    ]


@pytest.mark.parametrize(
    ("came", "declared"),
    [
        (pa.int32(), pa.int64()),
        (pa.uint32(), pa.int64()),
        (pa.int32(), pa.float64()),
        (pa.float32(), pa.float64()),
        (pa.large_string(), pa.string()),
        (pa.dictionary(pa.int8(), pa.string()), pa.string()),
        (pa.timestamp("ms", "UTC"), pa.timestamp("us", "UTC")),
        (pa.date64(), pa.date32()),
        (pa.decimal128(8, 2), pa.decimal128(12, 4)),
        (pa.list_(pa.int8()), pa.large_list(pa.int16())),
        (pa.struct([("a", pa.int8())]), pa.struct([("a", pa.int64())])),
    ],
)
def test_what_loses_nothing_fits_and_the_way_back_does_not(came: pa.DataType, declared: pa.DataType) -> None:
    assert fits(came, declared)
    both_ways = (pa.large_string(), pa.date64())
    assert fits(declared, came) == (came in both_ways)


@pytest.mark.parametrize(
    ("came", "declared"),
    [
        (pa.int64(), pa.uint64()),
        (pa.uint64(), pa.int64()),
        (pa.int64(), pa.float64()),
        (pa.float64(), pa.int64()),
        (pa.bool_(), pa.int64()),
        (pa.string(), pa.int64()),
        (pa.timestamp("us"), pa.timestamp("us", "UTC")),
        (pa.decimal128(12, 2), pa.decimal128(12, 4)),
        (pa.struct([("a", pa.int8())]), pa.struct([("b", pa.int8())])),
    ],
)
def test_what_may_lose_something_does_not_fit(came: pa.DataType, declared: pa.DataType) -> None:
    assert not fits(came, declared)
