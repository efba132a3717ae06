"""Two processes train one model together: real flights, everything whose state exact resume must keep."""

from __future__ import annotations

import pyarrow as pa

from ckpt_ops.checkpoints import EverySteps, Keep
from ckpt_ops.evaluation import AtLeast, NotWorseThan, Servable
from ckpt_ops.pipeline import Pipeline
from ckpt_ops.slices import Files
from ckpt_ops.training import Budget, Reservoir, Workers

SCHEMA = pa.schema(
    [
        ("carrier", pa.string()),
        ("hour", pa.int64()),
        ("distance", pa.int64()),
        ("arr_delay", pa.int64()),
    ]
)

shared = Pipeline(
    name="shared",
    source=Files(name="shared_flights", schema=SCHEMA, template="steady/{key}.parquet"),
    expectations="expectations.json",
    model="shared.model:build_model",
    budget=Budget(max_steps=160, max_seconds=600),
    save=EverySteps(20),
    keep=Keep(),
    replay=Reservoir(share=0.2),
    distribution=Workers(count=2),
    gates=[NotWorseThan(metric="auc", margin=0.02), AtLeast("auc", 0.5), Servable()],
)
