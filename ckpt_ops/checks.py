"""Checks of settings where they are written: `BadInput` names the field, its value and what is allowed.

True is not a number here, though Python counts it as 1: `min_rows=True` is a mistake. NaN is not one either,
and infinity only where `endless` is given.
"""

from __future__ import annotations

import math
from datetime import timedelta
from enum import Enum
from numbers import Integral, Real
from typing import TypeGuard

from ckpt_ops.errors import BadInput


def whole(field: str, value: object, *, at_least: int = 1, allowed: str = "") -> int:
    """A whole number of at least `at_least`.

    Args:
        allowed: what the error says is allowed, instead of that.
    """
    if not _is_number(value) or not isinstance(value, Integral) or value < at_least:
        raise BadInput(field, value, allowed or f"a whole number of at least {at_least}")
    return int(value)


def number(
    field: str,
    value: object,
    *,
    above: float | None = None,
    at_least: float | None = None,
    below: float | None = None,
    at_most: float | None = None,
    endless: bool = False,
    allowed: str = "",
) -> float:
    """A finite number within the bounds that are given.

    Args:
        endless: infinity is allowed, too.
        allowed: what the error says is allowed, instead of the bounds.
    """
    if not _is_number(value) or not (math.isfinite(value) or (endless and value == math.inf)):
        raise BadInput(field, value, allowed or "a finite number")
    if not (
        (above is None or value > above)
        and (at_least is None or value >= at_least)
        and (below is None or value < below)
        and (at_most is None or value <= at_most)
    ):
        raise BadInput(field, value, allowed or _bounds(above, at_least, below, at_most))
    return float(value)


def seconds(field: str, value: object, *, endless: bool = False) -> float:
    """A number of seconds above 0."""
    return number(field, value, above=0, endless=endless, allowed="a number of seconds above 0")


def inner_share(field: str, value: object, *, why: str = "") -> float:
    """A share above 0 and below 1.

    Args:
        why: the reason, added to what is allowed.
    """
    allowed = f"a share between 0 and 1{f': {why}' if why else ''}"
    return number(field, value, above=0, below=1, allowed=allowed)


def confidence(field: str, value: object) -> float:
    """The confidence of an interval, above 0 and below 1."""
    return number(field, value, above=0, below=1, allowed="a number between 0 and 1, such as 0.95")


def duration(field: str, value: object, *, allowed: str) -> timedelta:
    """A `timedelta` above zero."""
    if not isinstance(value, timedelta) or value <= timedelta():
        raise BadInput(field, value, allowed)
    return value


def text(field: str, value: object, *, allowed: str = "non-empty text") -> str:
    """Text that is not empty."""
    if not isinstance(value, str) or not value:
        raise BadInput(field, value, allowed)
    return value


def member(field: str, value: object, of: type[Enum]) -> None:
    """A member of an enum, and not its value as text."""
    if not isinstance(value, of):
        names = [f"{of.__name__}.{one.name}" for one in of]
        raise BadInput(field, value, " or ".join(names) if len(names) < 3 else f"one of {', '.join(names)}")


def _is_number(value: object) -> TypeGuard[float]:
    return isinstance(value, Real) and not isinstance(value, bool)


def _bounds(above: float | None, at_least: float | None, below: float | None, at_most: float | None) -> str:
    """What is allowed, as text: "a number above 0 and at most 1"."""
    bounds = [
        f"above {above:g}" if above is not None else "",
        f"of {at_least:g} or more" if at_least is not None else "",
        f"below {below:g}" if below is not None else "",
        f"at most {at_most:g}" if at_most is not None else "",
    ]
    return f"a number {' and '.join(filter(None, bounds))}"
