"""A few flights of each week: the columns it was built for."""

from __future__ import annotations

from dataclasses import dataclass

import pyarrow as pa

from ckpt_ops.slices import Files

SCHEMA = pa.schema(
    [
        ("time_hour", pa.timestamp("us", tz="UTC")),
        ("carrier", pa.string()),
        ("flight", pa.int64()),
        ("origin", pa.string()),
        ("dest", pa.string()),
        ("hour", pa.int64()),
        ("distance", pa.int64()),
        ("arr_delay", pa.int64()),
    ]
)


@dataclass(frozen=True, kw_only=True)
class SmallWeeks(Files):
    """`weeks/2013-01-06.parquet` and its like, below CKPT_OPS_LANDING."""

    name: str = "small_weeks"
    schema: pa.Schema = SCHEMA
    template: str = "weeks/{key}.parquet"
    weekday: int | None = 6
