"""Weather at New York's airports, a Parquet object per month: the schema it was built for."""

from __future__ import annotations

import pyarrow as pa

from ckpt_ops import Files

SCHEMA = pa.schema(
    [
        ("origin", pa.string()),  # EWR, JFK, LGA
        ("time_hour", pa.timestamp("us", tz="UTC")),
        ("temp", pa.float64()),  # degrees Fahrenheit
        ("dewp", pa.float64()),  # degrees Fahrenheit
        ("humid", pa.float64()),  # percent
        ("wind_dir", pa.float64()),  # degrees; null in a calm
        ("wind_speed", pa.float64()),  # miles an hour
        ("precip", pa.float64()),  # inches
        ("pressure", pa.float64()),  # hectopascal; null in a tenth
        ("visib", pa.float64()),  # miles
        ("rain_follows", pa.bool_()),  # in the hour that follows: what the model learns; null: no such hour
    ]
)

source = Files(name="weather", schema=SCHEMA, template="weather/{key}.parquet", key_format="%Y-%m")
