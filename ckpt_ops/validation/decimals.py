"""Bounds on decimals in a suite, whose JSON has only floats: 1.1 there is the decimal 1.1, not the float.

Python compares a decimal with a float exactly, and the float 1.1 is a little more than 1.1.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from decimal import Decimal
from typing import Any

_SIDES = {"min_value": ("strict_min", -math.inf), "max_value": ("strict_max", math.inf)}


def as_decimals(kwargs: Mapping[str, Any]) -> dict[str, Any]:
    """The keywords of an expectation that are numbers to compare decimals with.

    Great Expectations makes bounds floats. So a bound is the nearest float on the side on which decimals of
    up to 15 digits compare with it as with the decimal that was written.
    """
    found: dict[str, Any] = {}
    for name, (strict, outwards) in _SIDES.items():
        value = kwargs.get(name)
        if isinstance(value, float) and math.isfinite(value):
            found[name] = _beside(value, -outwards if kwargs.get(strict) else outwards)
    if isinstance(kwargs.get("value_set"), list | tuple):
        found["value_set"] = [_decimal(value) for value in kwargs["value_set"]]
    return found


def _beside(value: float, towards: float) -> float:
    """The value itself when it is at least as far as what was written; else the next float."""
    written = Decimal(str(value))
    far = Decimal(value) >= written if towards > 0 else Decimal(value) <= written
    return value if far else math.nextafter(value, towards)


def _decimal(value: Any) -> Any:
    number = isinstance(value, int | float) and not isinstance(value, bool)
    return Decimal(str(value)) if number else value
