"""Errors about the settings of gates, beside those of `checks`."""

from __future__ import annotations

from ckpt_ops.errors import BadInput
from ckpt_ops.evaluation.metrics import METRICS

SEGMENT_COLUMN = "the name of a segment column"


def wrong_direction(gate: str, metric: str, other: str, *, higher: bool) -> BadInput:
    """The error for a bound on the wrong side of a metric."""
    fitting = [name for name, known in METRICS.items() if known.higher_is_better is higher]
    better = "higher" if higher else "lower"
    return BadInput(
        f"{gate}.metric",
        metric,
        f"a metric where {better} is better: {', '.join(fitting)}",
        next=f"write {other}({metric!r}, ...)",
    )
