"""Decimals are evaluated by the numbers that the suite's JSON says, nulls or none."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pyarrow as pa
import pytest
from verdicts import validate

from ckpt_ops.validation import Validation, parse_suite

PRICES = pa.table(
    {"x": pa.array([Decimal("1.10"), None, Decimal("2.20"), Decimal("2.20")], pa.decimal128(10, 2))}
)


def evaluated(kind: str, **kwargs: Any) -> Validation:
    asked = {"type": kind, "kwargs": {"column": "x", **kwargs}}
    return validate(PRICES, parse_suite({"name": "prices", "expectations": [asked]}), PRICES.schema)


@pytest.mark.parametrize(
    ("kind", "kwargs"),
    [
        ("expect_column_mean_to_be_between", {"min_value": 1.83, "max_value": 1.84}),
        ("expect_column_sum_to_be_between", {"min_value": 5.4, "max_value": 5.6}),
        ("expect_column_stdev_to_be_between", {"min_value": 0.6, "max_value": 0.7}),
        ("expect_column_median_to_be_between", {"min_value": 2.2, "max_value": 2.2}),
        ("expect_column_min_to_be_between", {"min_value": 1.1, "max_value": 1.1}),
        ("expect_column_max_to_be_between", {"min_value": 2.2, "max_value": 2.2}),
        ("expect_column_value_z_scores_to_be_less_than", {"threshold": 3, "double_sided": True}),
        ("expect_column_values_to_be_between", {"min_value": 1.1, "max_value": 2.2}),
        ("expect_column_values_to_be_between", {"min_value": 1.09, "max_value": 2.21, "strict_max": True}),
        ("expect_column_values_to_be_in_set", {"value_set": [1.1, 2.2]}),
        ("expect_column_distinct_values_to_equal_set", {"value_set": [1.1, 2.2]}),
        ("expect_column_most_common_value_to_be_in_set", {"value_set": [2.2]}),
    ],
)
def test_what_holds_is_accepted(kind: str, kwargs: dict[str, Any]) -> None:
    found = evaluated(kind, **kwargs)
    assert found.accepted, found.reasons


@pytest.mark.parametrize(
    ("kind", "kwargs", "said"),
    [
        ("expect_column_mean_to_be_between", {"max_value": 1.83}, "x: its mean is 1.83333, expected <= 1.83"),
        (
            "expect_column_min_to_be_between",
            {"min_value": 1.1, "strict_min": True},
            "x: its min is 1.1, expected > 1.1",
        ),
        ("expect_column_values_to_be_between", {"max_value": 2.19}, "2 of 3 values (66.7 %) are not <= 2.19"),
        ("expect_column_values_to_be_between", {"max_value": 2.2, "strict_max": True}, "2 of 3 values"),
        ("expect_column_values_to_be_between", {"min_value": 1.1, "strict_min": True}, "1 of 3 values"),
        ("expect_column_values_to_be_in_set", {"value_set": [1.1]}, "2 of 3 values"),
    ],
)
def test_what_does_not_hold_is_said_with_the_numbers_that_were_written(
    kind: str, kwargs: dict[str, Any], said: str
) -> None:
    (reason,) = evaluated(kind, **kwargs).reasons
    assert said in reason.message
