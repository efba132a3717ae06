"""`brief` with a person in it, who has hardly any time; then it is promoted."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import brief.pipeline as in_brief

from ckpt_ops.evaluation import AtLeast
from ckpt_ops.pipeline import Approval, Otherwise

hasty = replace(
    in_brief.brief,
    name="hasty",
    # its own weeks: those of the others are landed by other tests, in their own time
    source=replace(in_brief.brief.source, name="hasty", template="hasty/{key}.parquet"),
    gates=[AtLeast("auc", 0.3)],
    approval=Approval(within=timedelta(seconds=1), otherwise=Otherwise.PROMOTE),
)
