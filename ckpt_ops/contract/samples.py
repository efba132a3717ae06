"""Changing a file of sample data, so that a test can see whether a source notices."""

from __future__ import annotations

import gzip
import io
from pathlib import Path

import pyarrow.parquet as pq


def drop_last_row(path: Path) -> None:
    """Write a file of Parquet, CSV or JSON lines, gzipped or not, again without its last row."""
    data = path.read_bytes()
    zipped = path.name.endswith(".gz")
    plain = gzip.decompress(data) if zipped else data
    if path.name.removesuffix(".gz").endswith(".parquet"):
        table = pq.read_table(io.BytesIO(plain))
        sink = io.BytesIO()
        pq.write_table(table.slice(0, table.num_rows - 1), sink)
        fewer = sink.getvalue()
    else:
        fewer = b"".join(plain.splitlines(keepends=True)[:-1])
    path.write_bytes(gzip.compress(fewer) if zipped else fewer)
