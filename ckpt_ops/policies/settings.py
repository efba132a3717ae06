"""Checks of settings: what is wrong is refused at once, by field, value and what is allowed."""

from __future__ import annotations

import math

from ckpt_ops.errors import BadInput


def check_whole(field: str, value: object) -> None:
    """A count."""
    if isinstance(value, bool) or not isinstance(value, int) or value < 1:
        raise BadInput(field, value, "a whole number of at least 1")


def check_above_0(field: str, value: object, allowed: str) -> None:
    """A size of any kind; `allowed` says of which."""
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 < value < math.inf:
        raise BadInput(field, value, allowed)


def check_seconds(field: str, value: object) -> None:
    """A duration."""
    check_above_0(field, value, "a number of seconds above 0")
