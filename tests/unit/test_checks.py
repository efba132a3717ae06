"""Settings are refused where they are written down, with the field, the value and what is allowed."""

from __future__ import annotations

import math
from collections.abc import Callable
from datetime import timedelta
from enum import Enum

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ckpt_ops import checks
from ckpt_ops.errors import BadInput


class Side(Enum):
    LEFT = "left"
    RIGHT = "right"


class TestWholeNumbers:
    @pytest.mark.parametrize("value", [1, 10**30, np.int64(5)])
    def test_are_taken(self, value: object) -> None:
        assert checks.whole("n", value) == value

    @pytest.mark.parametrize("value", [0, -1, 1.0, 2.5, True, "1", None, math.nan, np.bool_(True)])
    def test_that_are_none_or_too_small_are_refused(self, value: object) -> None:
        with pytest.raises(BadInput, match=r"n=.* is not allowed: expected a whole number of at least 1"):
            checks.whole("n", value)

    def test_may_be_0_where_that_means_something(self) -> None:
        assert checks.whole("n", 0, at_least=0) == 0
        with pytest.raises(BadInput, match="expected 0: none"):
            checks.whole("n", -1, at_least=0, allowed="0: none")


class TestNumbers:
    @pytest.mark.parametrize("value", [True, "1", None, math.nan, math.inf, -math.inf, 1j, timedelta(1)])
    def test_that_are_none_or_without_an_end_are_refused(self, value: object) -> None:
        with pytest.raises(BadInput, match=r"x=.* is not allowed: expected a finite number"):
            checks.number("x", value, above=0)

    @pytest.mark.parametrize(
        ("check", "message"),
        [
            (lambda: checks.number("x", 0, above=0), "a number above 0"),
            (lambda: checks.number("x", -1, at_least=0), "a number of 0 or more"),
            (lambda: checks.number("x", 2, above=0, at_most=1), "a number above 0 and at most 1"),
            (lambda: checks.number("x", 1, at_least=0, below=1), "a number of 0 or more and below 1"),
            (lambda: checks.number("x", 2, at_most=1), "a number at most 1"),
            (lambda: checks.number("x", 2, at_most=1, allowed="less"), "less"),
            (lambda: checks.seconds("x", 0), "a number of seconds above 0"),
            (lambda: checks.seconds("x", math.inf), "a number of seconds above 0"),
            (lambda: checks.confidence("x", 1), "a number between 0 and 1, such as 0.95"),
            (lambda: checks.inner_share("x", 1), "a share between 0 and 1"),
            (lambda: checks.inner_share("x", 0, why="it is shared"), "a share between 0 and 1: it is shared"),
        ],
    )
    def test_out_of_bounds_are_refused_with_the_bounds(
        self, check: Callable[[], float], message: str
    ) -> None:
        with pytest.raises(BadInput) as caught:
            check()
        assert (caught.value.field, caught.value.allowed) == ("x", message)

    @given(st.floats(allow_nan=False, allow_infinity=False), st.floats(0, 10), st.floats(0, 10))
    def test_are_taken_just_within_the_bounds(self, value: float, low: float, size: float) -> None:
        inside = low <= value <= low + size
        try:
            assert checks.number("x", value, at_least=low, at_most=low + size) == value
        except BadInput:
            assert not inside
        else:
            assert inside

    def test_may_be_without_an_end_where_that_means_something(self) -> None:
        assert checks.seconds("x", math.inf, endless=True) == math.inf
        for value in (math.nan, -math.inf):
            with pytest.raises(BadInput):
                checks.seconds("x", value, endless=True)


class TestOthers:
    @pytest.mark.parametrize("value", ["", None, 1, b"a"])
    def test_text_that_is_empty_or_none_is_refused(self, value: object) -> None:
        with pytest.raises(BadInput, match="expected the name of a column"):
            checks.text("by", value, allowed="the name of a column")

    @pytest.mark.parametrize("value", [timedelta(), timedelta(seconds=-1), 60, None])
    def test_a_duration_takes_time(self, value: object) -> None:
        with pytest.raises(BadInput, match="expected more than no time"):
            checks.duration("within", value, allowed="more than no time")

    def test_a_member_is_not_its_value_as_text(self) -> None:
        checks.member("side", Side.LEFT, Side)
        with pytest.raises(BadInput, match=r"side='left' is not allowed: expected Side\.LEFT or Side\.RIGHT"):
            checks.member("side", "left", Side)
