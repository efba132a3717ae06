"""Real data as it would arrive: found in an installed package, written slice by slice."""

from __future__ import annotations

import importlib.util
from collections.abc import Callable, Mapping
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from ckpt_ops.errors import TerminalError
from ckpt_ops.extras import MODULES, require
from ckpt_ops.store import Store

Progress = Callable[[str, int, int], None]


def packaged(package: str, file: str) -> Path:
    """The path of a package's file, found without importing the package."""
    found = importlib.util.find_spec(package)
    for folder in (found.submodule_search_locations or []) if found else []:
        path = Path(folder) / file
        if path.is_file():
            return path
    if package in MODULES["demo"]:
        require("demo", what="the demo's data")
    raise TerminalError(
        f"the data is not installed: no {file} in a package {package}",
        safe="nothing was written",
        next=f"uv pip install {package}",
    )


def land_tables(
    store: Store, folder: str, tables: Mapping[str, pa.Table], *, progress: Progress | None = None
) -> list[str]:
    """Write each table as `{folder}/{key}.parquet`; returns the keys that were written.

    A slice that exists with the same content is left alone, so landing again writes nothing.

    Args:
        tables: by slice key.
        progress: called as (key, slices done, slices in all) after each.
    """
    there = {entry.name: entry.size for entry in store.list(f"{folder}/")}
    written = []
    for done, (key, table) in enumerate(tables.items(), start=1):
        name, data = f"{folder}/{key}.parquet", _parquet(table)
        if there.get(name) != len(data) or store.get(name) != data:
            store.put(name, data)
            written.append(key)
        if progress is not None:
            progress(key, done, len(tables))
    return written


def _parquet(table: pa.Table) -> bytes:
    sink = pa.BufferOutputStream()
    pq.write_table(table, sink, compression="zstd")
    data: bytes = sink.getvalue().to_pybytes()
    return data
