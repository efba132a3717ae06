"""`brief` with weeks of its own and a gate that some candidates miss: what its runs come to is told."""

from __future__ import annotations

from dataclasses import replace

import brief.pipeline as in_brief

from ckpt_ops.evaluation import AtLeast

noted = replace(
    in_brief.brief,
    name="noted",
    source=replace(in_brief.brief.source, name="noted", template="noted/{key}.parquet"),
    gates=[AtLeast("auc", 0.6)],
)
