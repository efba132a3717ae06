"""The price of a house by its rooms: the smallest pipeline that trains, by the front door alone."""

from __future__ import annotations

import pyarrow as pa

from ckpt_ops import AtMost, Budget, EverySteps, Files, Pipeline, Servable

houses = Pipeline(
    name="houses",
    source=Files(
        name="houses",
        schema=pa.schema([("rooms", pa.int64()), ("price", pa.float64())]),
        template="houses/{key}.parquet",
    ),
    expectations="expectations.json",
    model="houses.model:build_model",
    budget=Budget(max_steps=20, max_seconds=60),
    save=EverySteps(10),
    gates=[AtMost("rmse", 10.0), Servable()],
)
