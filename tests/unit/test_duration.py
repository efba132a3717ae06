"""How long something takes, as people read it."""

from __future__ import annotations

import pytest

from ckpt_ops.duration import duration


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0.04, "0.0 s"),
        (3.24, "3.2 s"),
        (42.4, "42 s"),
        (200.0, "3 min 20 s"),
        (7500.0, "2 h 5 min"),
        (273_600.0, "3 d 4 h"),
    ],
)
def test_in_the_two_largest_units(seconds: float, text: str) -> None:
    assert duration(seconds) == text
