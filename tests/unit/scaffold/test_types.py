"""What a column of text is read as, and how a type is written as code."""

from __future__ import annotations

import pyarrow as pa
import pytest

from ckpt_ops.scaffold.type_code import type_code
from ckpt_ops.scaffold.types import time_of_text, type_of_text

US, UTC = pa.timestamp("us"), pa.timestamp("us", tz="UTC")


@pytest.mark.parametrize(
    ("values", "kind"),
    [
        (["1", "-20", None, "0"], pa.int64()),
        (["1", "2.5", "1e-3", "nan", "-inf"], pa.float64()),
        (["01234", "98765"], pa.string()),  # a postal code, not a number
        (["-0", "0"], pa.int64()),
        (["99999999999999999999"], pa.string()),  # no int64 holds it
        (["true", "False"], pa.bool_()),
        (["2013-01-06", None], pa.date32()),
        (["2013-13-45"], pa.string()),
        (["2013-01-06 05:00:00", "2013-01-06T05:00"], US),
        (["2013-01-06T05:00:00Z", "2013-01-06T05:00:00.25+02:00"], UTC),
        (["2013-01-06T05:00:00Z", "2013-01-06 05:00:00"], pa.string()),  # with a zone and without
        (["06/01/2013"], pa.string()),
        (["1", "one"], pa.string()),
        ([None, None], pa.string()),
        ([], pa.string()),
    ],
)
def test_text_is_read_as_what_holds_every_value(values: list[str | None], kind: pa.DataType) -> None:
    column = pa.chunked_array([values], pa.string())
    assert type_of_text(column) == kind
    column.cast(kind)  # nothing is lost


def test_text_in_json_is_a_time_or_text_but_never_a_number() -> None:
    assert time_of_text(pa.chunked_array([["1", "2"]])) == pa.string()
    assert time_of_text(pa.chunked_array([["2013-01-06"]])) == pa.date32()


@pytest.mark.parametrize(
    "kind",
    [
        pa.int64(), pa.uint8(), pa.float16(), pa.float32(), pa.float64(), pa.bool_(), pa.string(),
        pa.large_string(), pa.binary(), pa.binary(16), pa.date32(), pa.date64(), US, UTC, pa.time32("s"),
        pa.time64("us"), pa.duration("ms"), pa.decimal128(10, 2), pa.decimal256(50, 3), pa.null(),
        pa.list_(pa.int32()), pa.large_list(pa.string()),
        pa.struct([("a", pa.int64()), ("b", pa.list_(pa.string()))]),
    ],
    ids=str,
)  # fmt: skip
def test_a_type_as_code_is_the_type(kind: pa.DataType) -> None:
    assert eval(type_code(kind), {"pa": pa}) == kind
