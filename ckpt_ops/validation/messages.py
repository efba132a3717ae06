"""What an expectation's result means, as one sentence.

`distance: 812 of 6,103 values (13.3 %) are not >= 0, e.g. -214, -1035`
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ckpt_ops.printable import first_few, one_line
from ckpt_ops.validation.suite import Expectation

EXAMPLES = 5


def subject(expectation: Expectation) -> str:
    """The columns an expectation is about, or "" for the table."""
    return one_line(", ".join(expectation.columns))


def failed_message(expectation: Expectation, result: Mapping[str, Any]) -> str:
    """A failed expectation as a sentence. `result` is Great Expectations' `result`; ours bring their own."""
    own = (result.get("details") or {}).get("words")
    if own:
        return str(own)
    if "element_count" in result:
        return f"{subject(expectation)}: {_counted(expectation, result)}"
    return f"{subject(expectation) or 'the slice'}: {_measured(expectation, result)}"


def row_message(expectation: Expectation) -> str:
    """What a single row fails, as `distance: is not >= 0`."""
    text = _predicate(expectation)
    for many, one in (("are ", "is "), ("do ", "does "), ("have ", "has "), ("match ", "matches ")):
        if text.startswith(many):
            text = one + text.removeprefix(many)
            break
    return f"{subject(expectation)}: {text}"


def too_many_message(bad: int, rows: int, at_most: float) -> str:
    """Why rows are not set aside, but the slice is quarantined."""
    return (
        f"{bad:,} of {rows:,} rows ({100 * bad / rows:.1f} %) fail expectations on single rows, and at most "
        f"{100 * at_most:.4g} % may be set aside"
    )


def unread_message(unread: int, rows: int, where: str, *, none_allowed: bool) -> str:
    """Rows that do not parse."""
    text = (
        f"{unread:,} of {rows:,} rows ({100 * unread / rows:.2g} %) do not parse, and are left out: {where}"
    )
    return text + ("; the suite has no meta.bad_rows_at_most, so none is allowed" if none_allowed else "")


def crashed_message(expectation: Expectation, message: str) -> str:
    """An expectation that raised instead of evaluating."""
    about = subject(expectation) or "the slice"
    return f"{about}: {expectation.type} crashed and evaluated nothing: {message}"


def not_evaluated_message(expectation: Expectation, reason: str) -> str:
    """One of our own expectations that had nothing to compare with, and passes."""
    return f"{subject(expectation)}: {expectation.type} not evaluated: {reason}"


def examples(result: Mapping[str, Any]) -> tuple[str, ...]:
    """Up to five distinct values that do not fit, in row order."""
    found = (value_text(value) for value in result.get("partial_unexpected_list") or [] if value is not None)
    return tuple(dict.fromkeys(found))[:EXAMPLES]


def _counted(expectation: Expectation, result: Mapping[str, Any]) -> str:
    values = result["element_count"] - (result.get("missing_count") or 0)
    bad = result.get("unexpected_count") or 0
    share = 100 * bad / values if values else 0.0
    noun = "values" if len(expectation.columns) == 1 else "rows"
    text = f"{bad:,} of {values:,} {noun} ({share:.1f} %) {_predicate(expectation)}"
    mostly = expectation.kwargs.get("mostly")
    if isinstance(mostly, int | float) and mostly < 1:
        text += f", allowed {100 * (1 - mostly):.4g} %"
    shown = examples(result)
    return text + (f", e.g. {', '.join(shown)}" if shown else "")


def _predicate(expectation: Expectation) -> str:
    kwargs, kind = expectation.kwargs, expectation.type
    phrases = {
        "expect_column_values_to_not_be_null": "are null",
        "expect_column_values_to_be_null": "are not null",
        "expect_column_values_to_be_unique": "are not unique",
        "expect_compound_columns_to_be_unique": "are not unique",
        "expect_column_pair_values_to_be_equal": "are not equal",
    }
    if kind in phrases:
        return phrases[kind]
    if kind == "expect_column_values_to_be_between":
        return f"are not {_bounds(kwargs)}"
    if kind == "expect_column_value_lengths_to_be_between":
        return f"have a length that is not {_bounds(kwargs)}"
    if kind == "expect_column_value_lengths_to_equal":
        return f"have a length other than {kwargs.get('value')}"
    if kind == "expect_column_values_to_be_in_set":
        return f"are none of {_some(kwargs.get('value_set'))}"
    if kind == "expect_column_values_to_not_be_in_set":
        return f"are one of {_some(kwargs.get('value_set'))}"
    if kind == "expect_column_values_to_match_regex":
        return f"do not match {kwargs.get('regex')}"
    if kind == "expect_column_values_to_not_match_regex":
        return f"match {kwargs.get('regex')}"
    if kind == "expect_column_pair_values_a_to_be_greater_than_b":
        sign = ">=" if kwargs.get("or_equal") else ">"
        return f"do not have {kwargs.get('column_A')} {sign} {kwargs.get('column_B')}"
    return f"do not meet {kind}({_arguments(kwargs)})"


def _measured(expectation: Expectation, result: Mapping[str, Any]) -> str:
    observed, kind, kwargs = result.get("observed_value"), expectation.type, expectation.kwargs
    if kind == "expect_table_row_count_to_be_between":
        return f"{value_text(observed)} rows, expected {_bounds(kwargs)}"
    for name in ("min", "max", "mean", "median", "sum", "stdev"):
        if kind == f"expect_column_{name}_to_be_between":
            return f"its {name} is {value_text(observed)}, expected {_bounds(kwargs)}"
    if kind == "expect_column_proportion_of_non_null_values_to_be_between":
        return f"{value_text(observed)} of the values are not null, expected {_bounds(kwargs)}"
    shown = examples(result)
    came = ", ".join(shown) if shown else value_text(observed)
    return f"{kind}({_arguments(kwargs)}) does not hold, found {came}"


def _bounds(kwargs: Mapping[str, Any]) -> str:
    low, high = kwargs.get("min_value"), kwargs.get("max_value")
    more, less = (">" if kwargs.get("strict_min") else ">="), ("<" if kwargs.get("strict_max") else "<=")
    parts = ([f"{more} {value_text(low)}"] if low is not None else []) + (
        [f"{less} {value_text(high)}"] if high is not None else []
    )
    return " and ".join(parts)


def _arguments(kwargs: Mapping[str, Any]) -> str:
    about = ("column", "column_A", "column_B", "column_list", "mostly")
    return ", ".join(f"{name}={_some(value)}" for name, value in kwargs.items() if name not in about)


def _some(values: Any) -> str:
    if not isinstance(values, list | tuple | set):
        return value_text(values)
    return first_few([value_text(value) for value in values], 8)


def value_text(value: Any) -> str:
    """A value for people: numbers with few digits, long text cut."""
    if value is None:
        return "null"
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, float):
        return f"{value:.0f}" if value.is_integer() and abs(value) < 1e15 else f"{value:.6g}"
    if isinstance(value, int):
        return f"{value:,}" if abs(value) >= 10_000 else str(value)
    if isinstance(value, Mapping):
        return "(" + ", ".join(f"{name}={value_text(each)}" for name, each in value.items()) + ")"
    if isinstance(value, list | tuple):
        return "(" + ", ".join(value_text(each) for each in value) + ")"
    text = one_line(str(value))
    return text if len(text) <= 60 else f"{text[:57]}..."
