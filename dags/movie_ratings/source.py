"""Ratings of films, a Parquet object per year: the schema it was built for."""

from __future__ import annotations

import pyarrow as pa

from ckpt_ops import Files

SCHEMA = pa.schema(
    [
        ("user", pa.int64()),
        ("movie", pa.int64()),
        ("genres", pa.string()),  # Comedy|Romance
        ("rating", pa.float64()),  # stars, 0.5 to 5 in halves: what the model learns
        ("rated_at", pa.timestamp("us", tz="UTC")),
    ]
)

source = Files(name="ratings", schema=SCHEMA, template="ratings/{key}.parquet", key_format="%Y")
