"""What gates say of their settings in errors, beside what `checks` says."""

from __future__ import annotations

from ckpt_ops.errors import BadInput
from ckpt_ops.evaluation.metrics import METRICS

SEGMENT_COLUMN = "the name of a segment column"


def wrong_direction(gate: str, metric: str, other: str, *, higher: bool) -> BadInput:
    """A bound on the side where nothing good is bounded."""
    fitting = [name for name, known in METRICS.items() if known.higher_is_better is higher]
    better = "higher" if higher else "lower"
    return BadInput(
        f"{gate}.metric",
        metric,
        f"a metric where {better} is better: {', '.join(fitting)}",
        next=f"write {other}({metric!r}, ...)",
    )
