"""Slices as they land, whole and spoiled, in each format."""

from __future__ import annotations

import gzip
import json
from collections.abc import Callable
from datetime import UTC, date, datetime
from pathlib import Path

import pyarrow as pa
import pyarrow.csv as arrow_csv
import pyarrow.parquet as pq
import pytest

from ckpt_ops.errors import SliceUnreadable
from ckpt_ops.slices import Files
from ckpt_ops.store import LocalStore

SCHEMA = pa.schema(
    [
        ("n", pa.int64()),
        ("x", pa.float64()),
        ("word", pa.string()),
        ("flag", pa.bool_()),
        ("at", pa.timestamp("us", tz="UTC")),
        ("day", pa.date32()),
    ]
)
KEY, NEXT = "2013-01-06", "2013-01-13"


def parquet(table: pa.Table, **options: object) -> bytes:
    sink = pa.BufferOutputStream()
    pq.write_table(table, sink, **options)
    return bytes(sink.getvalue())


def csv(table: pa.Table) -> bytes:
    sink = pa.BufferOutputStream()
    shown = table.set_column(4, "at", table["at"].cast(pa.timestamp("us")).cast(pa.string()))
    zoned = pa.array([None if at is None else f"{at}Z" for at in shown["at"].to_pylist()], pa.string())
    arrow_csv.write_csv(shown.set_column(4, "at", zoned), sink)
    return bytes(sink.getvalue())


def jsonlines(table: pa.Table) -> bytes:
    def plain(value: object) -> object:
        if isinstance(value, datetime):
            return value.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
        return value.isoformat() if isinstance(value, date) else value

    rows = ({name: plain(value) for name, value in row.items()} for row in table.to_pylist())
    return b"".join(json.dumps(row).encode() + b"\n" for row in rows)


WRITERS: dict[str, Callable[[pa.Table], bytes]] = {".parquet": parquet, ".csv": csv, ".jsonl": jsonlines}
ENDINGS = [ending + zipped for ending in WRITERS for zipped in ("", ".gz")]


def written(ending: str, table: pa.Table) -> bytes:
    data = WRITERS[ending.removesuffix(".gz")](table)
    return gzip.compress(data) if ending.endswith(".gz") else data


GOOD = pa.Table.from_pylist(
    [
        {"n": n, "x": n / 4, "word": f"w{n}", "flag": n % 2 == 0, "at": datetime(2013, 1, 6, tzinfo=UTC)}
        for n in range(2000)
    ],
    schema=SCHEMA,
)


class Landed:
    """A spoiled file for one key, and a good one for the next."""

    def __init__(
        self, folder: Path, ending: str, data: bytes, *, schema: pa.Schema = SCHEMA, **options: object
    ) -> None:
        folder.mkdir(exist_ok=True)
        self.store = LocalStore(folder)
        self.source = Files(
            name="made", url=self.store.url, template="made/{key}" + ending, schema=schema, **options
        )
        self.path = folder / f"made/{KEY}{ending}"
        self.store.put(f"made/{KEY}{ending}", data)
        self.store.put(f"made/{NEXT}{ending}", written(ending, GOOD))

    def rows(self) -> list[dict[str, object]]:
        return list(self.table().to_pylist())

    def table(self) -> pa.Table:
        return pa.Table.from_batches(self.source.read(KEY))

    def refused(self, *said: str) -> None:
        with pytest.raises(SliceUnreadable) as caught:
            list(self.source.read(KEY))
        for message in (f"{self.store.url}/made/{KEY}", "then pull the slice again", *said):
            assert message in str(caught.value)
        assert pa.Table.from_batches(self.source.read(NEXT)).equals(GOOD), "the next slice is unharmed"


def flipped(data: bytes, at: int, bit: int = 0x10) -> bytes:
    return data[:at] + bytes([data[at] ^ bit]) + data[at + 1 :]
