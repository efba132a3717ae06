"""The slice that is validated and what is asked of it: 20 columns, 25 checks, about 1 % of values bad."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

_ROWS_PER_GROUP = 125_000  # as a pulled slice has it
_START = datetime(2024, 1, 1)
_CARRIERS = tuple(f"carrier-{i:02d}" for i in range(16))


@dataclass(frozen=True, kw_only=True)
class Check:
    """One question, in no library's words.

    Attributes:
        kind: what is asked; each judge knows how to ask it.
        columns: one, or two that are compared.
        low, high: inclusive bounds of a value, or of what is measured of a column.
        values: of a set; of it the values may be, or none.
        pattern: a regular expression.
    """

    kind: str
    columns: tuple[str, ...] = ()
    low: Any = None
    high: Any = None
    values: tuple[str, ...] = ()
    pattern: str = ""

    @property
    def name(self) -> str:
        return f"{self.kind}({', '.join(self.columns)})"


@dataclass(frozen=True, kw_only=True)
class Answer:
    """What came of the checks, by their names.

    Attributes:
        bad: rows that fail what is asked of each; 0 included.
        holds: of what is measured of a column or of the table.
    """

    bad: Mapping[str, int] = field(default_factory=dict)
    holds: Mapping[str, bool] = field(default_factory=dict)


ROW_WISE = ("not_null", "between", "in_set", "not_in_set", "regex", "length", "greater", "unique")
CHECKS = (
    Check(kind="rows", low=1),
    *(Check(kind="not_null", columns=(name,)) for name in ("id", "i1", "s0", "t0", "f3")),
    *(Check(kind="between", columns=(name,), low=0, high=9_900) for name in ("i0", "i1", "i2", "i3")),
    *(Check(kind="between", columns=(name,), low=-2.6, high=2.6) for name in ("f0", "f2", "f4")),
    Check(kind="between", columns=("t0",), high=datetime(2024, 12, 28)),
    Check(kind="in_set", columns=("s0",), values=_CARRIERS[:-1]),
    Check(kind="not_in_set", columns=("s1",), values=("city-007", "city-100")),
    Check(kind="regex", columns=("s2",), pattern=r"^N[0-8]\d{4}$"),
    Check(kind="length", columns=("s3",), low=6, high=12),
    Check(kind="greater", columns=("i4", "i2")),
    Check(kind="unique", columns=("id",)),
    Check(kind="mean", columns=("f0",), low=-1, high=1),
    Check(kind="median", columns=("f1",), low=-1, high=1),
    Check(kind="stdev", columns=("f3",), low=0, high=2),
    Check(kind="max", columns=("f6",), high=3),
    Check(kind="distinct", columns=("s1",), low=2, high=1_000),
)


def write_slice(path: Path, rows: int) -> None:
    """20 columns as Parquet: seven integers, seven floats, four of text, one boolean, one of times.

    Nulls are 2 % of three columns; the same rows come out each time. A group of rows at a time.
    """
    with pq.ParquetWriter(path, _group(0, 1, rows).schema, compression="zstd") as writer:
        for start in range(0, rows, _ROWS_PER_GROUP):
            writer.write_table(_group(start, min(_ROWS_PER_GROUP, rows - start), rows))


def write_files(folder: Path, rows: int, files: int) -> None:
    """The same rows in several files of whole groups, `0000.parquet` and so on."""
    groups = range(0, rows, _ROWS_PER_GROUP)
    each = -(-len(groups) // files)
    for at in range(0, len(groups), each):
        path = folder / f"{at // each:04d}.parquet"
        with pq.ParquetWriter(path, _group(0, 1, rows).schema, compression="zstd") as writer:
            for start in groups[at : at + each]:
                writer.write_table(_group(start, min(_ROWS_PER_GROUP, rows - start), rows))


def _group(start: int, count: int, rows: int) -> pa.Table:
    draw = np.random.default_rng(start)

    def holes() -> Any:
        return draw.random(count) < 0.02

    ids = np.arange(start, start + count)
    ids[draw.random(count) < 0.001] = start  # some come twice
    columns: dict[str, Any] = {"id": ids}
    for i in range(6):
        columns[f"i{i}"] = pa.array(draw.integers(0, 10_000, count), mask=holes() if i == 0 else None)
    columns["i4"] = pa.array(columns["i2"].to_numpy() + draw.integers(-100, 9_900, count))
    for i in range(7):
        columns[f"f{i}"] = pa.array(draw.normal(size=count), mask=holes() if i < 2 else None)
    columns["s0"] = pa.array(np.array(_CARRIERS)[np.minimum(draw.geometric(0.25, count) - 1, 15)])
    columns["s1"] = pa.array(np.char.add("city-", np.char.zfill(draw.integers(0, 200, count).astype(str), 3)))
    columns["s2"] = pa.array(np.char.add("N", draw.integers(10_000, 91_000, count).astype(str)))
    columns["s3"] = pa.array(np.char.add("user-", draw.integers(0, rows, count).astype(str)))
    columns["b"] = draw.random(count) < 0.5
    seconds = draw.integers(0, 365 * 86_400, count)
    columns["t0"] = pa.array(np.datetime64(_START, "us") + seconds.astype("timedelta64[s]"))
    return pa.table(columns)
