"""`steady` over four weeks, in which the whole stack is killed part by part."""

from __future__ import annotations

from dataclasses import replace

import steady.pipeline as one_week

from ckpt_ops.checkpoints import EverySteps
from ckpt_ops.training import Budget

four_weeks = replace(
    one_week.steady,
    name="four_weeks",
    budget=Budget(max_steps=12_000, max_seconds=900),
    save=EverySteps(100),
)
