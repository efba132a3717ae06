"""How an expectation is evaluated, so that memory follows neither the rows nor the columns of a slice.

| mode | expectations | in memory |
|---|---|---|
| by rows | nulls, ranges, sets, regexes, formats, lengths; pairs and sums in a row | a chunk of rows |
| by columns | all others: uniqueness, means, quantiles, distinct values, types, drift | its own columns |
| by the number of rows | `expect_table_row_count_...` | nothing |
| by the names of columns | `expect_table_column..._`, `expect_column_to_exist` | nothing |

By rows is exact: each row is evaluated alone, the counts add up, and `mostly` is applied to the sums. An
unknown expectation is evaluated by columns, which is exact for any.
"""

from __future__ import annotations

from enum import Enum

from ckpt_ops.validation.custom import KINDS

_VALUES = (
    "not_be_null",
    "be_null",
    "be_between",
    "be_in_set",
    "not_be_in_set",
    "match_regex",
    "not_match_regex",
    "match_regex_list",
    "not_match_regex_list",
    "match_strftime_format",
    "be_dateutil_parseable",
    "be_json_parseable",
    "match_json_schema",
)
BY_ROWS = {f"expect_column_values_to_{name}" for name in _VALUES} | {
    "expect_column_value_lengths_to_be_between",
    "expect_column_value_lengths_to_equal",
    "expect_column_pair_values_a_to_be_greater_than_b",
    "expect_column_pair_values_to_be_equal",
    "expect_column_pair_values_to_be_in_set",
    "expect_multicolumn_sum_to_equal",
    "expect_multicolumn_values_to_be_equal",
    "expect_select_column_values_to_be_unique_within_record",
}
_ROW_COUNT = {"expect_table_row_count_to_be_between", "expect_table_row_count_to_equal"}
_COLUMN_NAMES = {
    "expect_column_to_exist",
    "expect_table_column_count_to_be_between",
    "expect_table_column_count_to_equal",
    "expect_table_columns_to_match_ordered_list",
    "expect_table_columns_to_match_set",
}
_OF_NUMBERS = {f"expect_column_{name}_to_be_between" for name in ("mean", "median", "sum", "stdev")} | {
    "expect_column_quantile_values_to_be_between",
    "expect_column_value_z_scores_to_be_less_than",
    "expect_column_kl_divergence_to_be_less_than",
}


class ExecutionMode(Enum):
    """How an expectation is evaluated."""

    ROWS = "by rows"
    COLUMNS = "by columns"
    ROW_COUNT = "by the number of rows"
    COLUMN_NAMES = "by the names of columns"


def execution_mode_of(type_: str) -> ExecutionMode:
    """How expectations of a type are evaluated."""
    if type_ in BY_ROWS:
        return ExecutionMode.ROWS
    if type_ in _ROW_COUNT:
        return ExecutionMode.ROW_COUNT
    return ExecutionMode.COLUMN_NAMES if type_ in _COLUMN_NAMES else ExecutionMode.COLUMNS


def reads_values(type_: str) -> bool:
    """Whether expectations of a type read rows at all."""
    return execution_mode_of(type_) in (ExecutionMode.ROWS, ExecutionMode.COLUMNS)


def has_regex(type_: str) -> bool:
    """Whether the expectation uses a regular expression of Python's kind."""
    return "_match_regex" in type_


def has_arithmetic(type_: str) -> bool:
    """Whether values are added or divided, which pandas cannot do to decimals beside a null."""
    return type_ in _OF_NUMBERS


def evaluates_rows(type_: str) -> bool:
    """Whether expectations of a type name the rows that fail, so that those can be set aside."""
    return execution_mode_of(type_) is ExecutionMode.ROWS or (type_ in KINDS and KINDS[type_].row_wise)
