"""`brief` with a person in it, who has time."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import brief.pipeline as in_brief

from ckpt_ops.evaluation import AtLeast
from ckpt_ops.pipeline import Approval

asking = replace(
    in_brief.brief,
    name="asking",
    # its own weeks: those of the others are landed by other tests, in their own time
    source=replace(in_brief.brief.source, name="asking", template="asking/{key}.parquet"),
    gates=[AtLeast("auc", 0.3)],
    approval=Approval(within=timedelta(hours=6)),
)
