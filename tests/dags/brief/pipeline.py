"""`steady` in short: its model and data, a few steps a week. For histories of several weeks."""

from __future__ import annotations

from steady.pipeline import SCHEMA

from ckpt_ops.checkpoints import EverySteps, Keep
from ckpt_ops.evaluation import AtLeast, Servable
from ckpt_ops.pipeline import Append, Pipeline, Slices
from ckpt_ops.slices import Files
from ckpt_ops.training import Budget, Reservoir

brief = Pipeline(
    name="brief",
    source=Files(name="steady_flights", schema=SCHEMA, template="steady/{key}.parquet"),
    expectations="expectations.json",
    model="steady.model:build_model",
    budget=Budget(max_steps=30, max_seconds=600),
    save=EverySteps(10),
    keep=Keep(last=1),
    replay=Reservoir(share=0.2),
    gates=[AtLeast("auc", 0.3), Servable()],
    late_slices=Append(within=Slices(0)),
)
