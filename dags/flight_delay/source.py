"""Flights leaving New York, a Parquet object per week: the schema it was built for."""

from __future__ import annotations

from dataclasses import dataclass

import pyarrow as pa

from ckpt_ops import Files

SCHEMA = pa.schema(
    [
        ("year", pa.int64()),
        ("month", pa.int64()),
        ("day", pa.int64()),
        ("dep_time", pa.int64()),  # local, HHMM; null: cancelled
        ("sched_dep_time", pa.int64()),
        ("dep_delay", pa.int64()),  # minutes
        ("arr_time", pa.int64()),
        ("sched_arr_time", pa.int64()),
        ("arr_delay", pa.int64()),  # minutes: what the model learns; null: cancelled or diverted
        ("carrier", pa.string()),
        ("flight", pa.int64()),
        ("tailnum", pa.string()),
        ("origin", pa.string()),
        ("dest", pa.string()),
        ("air_time", pa.int64()),  # minutes
        ("distance", pa.int64()),  # miles
        ("hour", pa.int64()),  # of sched_dep_time
        ("minute", pa.int64()),
        ("time_hour", pa.timestamp("us", tz="UTC")),  # sched_dep_time, cut to the hour
    ]
)


@dataclass(frozen=True, kw_only=True)
class FlightWeeks(Files):
    """Weeks from Sunday, as cron's `0 0 * * 0` cuts them, by the flight's local date.

    A key is the interval's first day: `2013-01-06`. The first week, `2012-12-30`, holds January 1 to 5.
    """

    name: str = "flights"
    schema: pa.Schema = SCHEMA
    template: str = "flights/{key}.parquet"
    weekday: int | None = 6
