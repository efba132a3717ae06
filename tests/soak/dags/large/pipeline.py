"""Twenty columns, several files a slice: how large may it be?"""

from __future__ import annotations

import pyarrow as pa

from ckpt_ops.checkpoints import EverySteps
from ckpt_ops.evaluation import AtLeast, NotWorseThan, Servable
from ckpt_ops.pipeline import Pipeline
from ckpt_ops.slices import Files
from ckpt_ops.training import Budget, Reservoir

NUMBERS = tuple(f"x{at}" for at in range(13))
COUNTS = tuple(f"n{at}" for at in range(3))
WORDS = ("city", "device")
SCHEMA = pa.schema(
    [
        ("id", pa.int64()),
        *((name, pa.float64()) for name in NUMBERS),
        *((name, pa.int64()) for name in COUNTS),
        *((name, pa.string()) for name in WORDS),
        ("bought", pa.bool_()),
    ]
)

large = Pipeline(
    name="large",
    source=Files(name="large", schema=SCHEMA, template="large/{key}/part-*.parquet"),
    expectations="expectations.json",
    model="large.model:build_model",
    budget=Budget(max_steps=300, max_seconds=600),
    save=EverySteps(100),
    replay=Reservoir(share=0.05),
    gates=[NotWorseThan(metric="auc", margin=0.02), AtLeast("auc", 0.55), Servable()],
    batch_size=512,
)
