"""Trains long enough to be killed in the middle: real flights, a small model with dropout."""

from __future__ import annotations

import pyarrow as pa

from ckpt_ops.checkpoints import EverySteps, Keep
from ckpt_ops.evaluation import AtLeast, NotWorseThan, Servable
from ckpt_ops.pipeline import Pipeline
from ckpt_ops.slices import Files
from ckpt_ops.training import Budget, Reservoir

SCHEMA = pa.schema(
    [
        ("carrier", pa.string()),
        ("hour", pa.int64()),
        ("distance", pa.int64()),
        ("arr_delay", pa.int64()),
    ]
)

steady = Pipeline(
    name="steady",
    source=Files(name="steady_flights", schema=SCHEMA, template="steady/{key}.parquet"),
    expectations="expectations.json",
    model="steady.model:build_model",
    budget=Budget(max_steps=2_500, max_seconds=600),
    save=EverySteps(20),
    keep=Keep(),
    replay=Reservoir(share=0.2),
    gates=[NotWorseThan(metric="auc", margin=0.02), AtLeast("auc", 0.55), Servable()],
)
