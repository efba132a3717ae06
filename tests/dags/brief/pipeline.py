"""`steady` in short: its model and data, a few steps a week. For histories of several weeks."""

from __future__ import annotations

from dataclasses import replace

import steady.pipeline as in_full

from ckpt_ops.checkpoints import EverySteps, Keep
from ckpt_ops.evaluation import AtLeast, Servable
from ckpt_ops.pipeline import Append, Slices
from ckpt_ops.training import Budget

brief = replace(
    in_full.steady,
    name="brief",
    budget=Budget(max_steps=30, max_seconds=600),
    save=EverySteps(10),
    keep=Keep(last=1),
    gates=[AtLeast("auc", 0.3), Servable()],
    late_slices=Append(within=Slices(0)),
)
