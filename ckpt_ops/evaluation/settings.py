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


def check_above_0(field: str, value: object) -> None:
    """A finite number above 0."""
    if check_number(field, value) <= 0:
        raise BadInput(field, value, "a number above 0")


def check_share(field: str, value: object) -> None:
    """A number above 0, and 1 at most: what could never pass or never refuse is no bound."""
    if not 0 < check_number(field, value) <= 1:
        raise BadInput(field, value, "a number above 0 and at most 1")


def check_count(field: str, value: object) -> None:
    """A whole number of at least 1."""
    if isinstance(value, bool) or not isinstance(value, int) or value < 1:
        raise BadInput(field, value, "a whole number of at least 1")


def check_column(field: str, value: object) -> None:
    """Non-empty text."""
    if not isinstance(value, str) or not value:
        raise BadInput(field, value, "the name of a segment column")


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
