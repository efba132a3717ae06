"""`brief` with weeks of its own and a person in it: the model that an operator looks after for a week."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import brief.pipeline as in_brief

from ckpt_ops.checkpoints import EverySeconds, Keep
from ckpt_ops.evaluation import AtLeast, NotWorseThan
from ckpt_ops.pipeline import Approval
from ckpt_ops.training import Budget

late_flights = replace(
    in_brief.brief,
    name="late_flights",
    source=replace(in_brief.brief.source, name="late_flights", template="late_flights/{key}.parquet"),
    # a training is bound by its seconds, long enough for somebody to look at it
    budget=Budget(max_steps=1_000_000, max_seconds=25),
    save=EverySeconds(5),
    keep=Keep(last=3),
    gates=[AtLeast("auc", 0.55), NotWorseThan(metric="auc", margin=0.05, past_margin=0.08)],
    approval=Approval(within=timedelta(hours=6)),
    freshness=timedelta(days=8),
)
