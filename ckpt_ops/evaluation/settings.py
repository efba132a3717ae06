"""What a gate's settings may be, checked when the gate is written down and not when it is asked."""

from __future__ import annotations

import math

from ckpt_ops.errors import BadInput
from ckpt_ops.evaluation.metrics import METRICS


def check_number(field: str, value: object) -> float:
    """A finite number, and not a bool."""
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        raise BadInput(field, value, "a finite number")
    return float(value)


def check_margin(field: str, value: object) -> None:
    """A finite number of 0 or more."""
    if check_number(field, value) < 0:
        raise BadInput(field, value, "a number of 0 or more")


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
