"""From what was seen to a suite: every threshold with the value that was seen and the margin it was given."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

import pyarrow as pa

from ckpt_ops.belonging import Length
from ckpt_ops.scaffold.belonging import belongings
from ckpt_ops.scaffold.profile import Column, Looked, columns_of, key_of
from ckpt_ops.scaffold.repeats import timeless

BAD_ROWS_AT_MOST = 0.01
_MOST_NULLS = 0.5
_MOST_NEW = 0.5
_MOSTLY_NEW = 0.9
_MARGIN_HOURS = 24
_GROWTH = 1.25
_SET_ASIDE = "set aside"

Line = dict[str, Any]


def suite_of(
    name: str,
    schema: pa.Schema,
    slices: Sequence[Looked],
    *,
    length: Length | float | None = None,
    now: datetime | None = None,
    label: str | None = None,
    leaks: Line | None = None,
) -> Line:
    """A suite as `load_suite` reads it, which accepts the slices that were looked at.

    Args:
        slices: at least one, in time order, with a row.
        length: of a slice; None where it is not known.
        now: later times are in the future.
        label: the column that a model predicts; None: not known.
        leaks: an expectation on columns that know the label.
    """
    columns = columns_of(schema, slices)
    rows = sum(looked.table.num_rows for looked in slices)
    seen = f"{rows:,} rows of {len(slices)} slices" if len(slices) > 1 else f"{rows:,} rows of one slice"
    lines = [_row_count(slices), *_unique(columns, slices, seen)]
    if length is not None:
        lines += _in_slice(schema, slices, length)
    lines += _not_again(columns, slices)
    for column in columns:
        lines += _nulls(column, seen)
        lines += _range(column, seen)
        lines += _times(column, seen, now or datetime.now(UTC))
        lines += _category(column, seen)
        lines += _new_values(column, slices)
        lines += _label_drift(column) if column.name == label else []
    lines += [] if leaks is None else [leaks]
    keys = ", ".join(looked.key for looked in slices)
    meta: Line = {
        "from": f"profiled from {seen}: {keys}. These thresholds are a start: edit what you know better",
    }
    if label is None:
        meta["not_asked"] = (
            "drift of the label: the data does not show which column a model will predict. "
            "Add expect_column_psi_to_be_at_most with severity warning for it"
        )
    if any("bad_rows" in line["meta"] for line in lines):
        meta["bad_rows_at_most"] = BAD_ROWS_AT_MOST
        meta["why"] = "up to 1 % of bad rows are set aside one by one; with more, the delivery is at fault"
    return {"name": name, "meta": meta, "expectations": lines}


def as_json(suite: Line) -> str:
    """The suite as a person edits it: one expectation a line, its reason below."""

    def text(value: object) -> str:
        return json.dumps(value, ensure_ascii=False)

    lines = [
        f'    {{"type": {text(each["type"])}, "kwargs": {text(each["kwargs"])},\n'
        + (f'     "severity": {text(each["severity"])},\n' if "severity" in each else "")
        + f'     "meta": {text(each["meta"])}}}'
        for each in suite["expectations"]
    ]
    return (
        f'{{\n  "name": {text(suite["name"])},\n  "meta": {text(suite["meta"])},\n'
        '  "expectations": [\n' + ",\n".join(lines) + "\n  ]\n}\n"
    )


def _row_count(slices: Sequence[Looked]) -> Line:
    counts = [looked.table.num_rows for looked in slices]
    least = max(1, min(counts) // 2)
    if not all(looked.whole for looked in slices):
        why = f"seen {min(counts):,} rows before reading stopped: half of that; there is no upper bound"
        return _line("expect_table_row_count_to_be_between", why, min_value=least)
    seen = f"{min(counts):,} to {max(counts):,}" if min(counts) < max(counts) else f"{counts[0]:,}"
    of = f"{len(counts)} slices" if len(counts) > 1 else "one slice"
    # Twice the least, where that leaves the largest some room: any slice that comes twice has that many.
    twice = 2 * min(counts) if 2 * min(counts) > _GROWTH * max(counts) else 2 * max(counts)
    why = f"seen {seen} rows in {of}: half or fewer is half a delivery, {twice:,} or more came twice"
    return _line(
        "expect_table_row_count_to_be_between",
        why,
        min_value=min(counts) // 2 + 1,
        max_value=max(twice - 1, 1),
    )


def _unique(columns: Sequence[Column], slices: Sequence[Looked], seen: str) -> list[Line]:
    key = key_of(columns, slices)
    if len(key) == 1:
        why = f"no value came twice in {seen}: a row that comes twice weighs twice in training"
        return [_line("expect_column_values_to_be_unique", why, column=key[0])]
    if not key:
        return []
    why = f"together they are unique in {seen}; a warning, as that may be chance"
    line = _line("expect_compound_columns_to_be_unique", why, column_list=list(key))
    return [{**line, "severity": "warning"}]


def _nulls(column: Column, seen: str) -> list[Line]:
    worst = max(column.null_shares, default=1.0)
    if worst == 0:
        why = f"never null in {seen}"
        return [_line("expect_column_values_to_not_be_null", why, set_aside=True, column=column.name)]
    allowed = _allowed(worst, more=0.1)
    if allowed >= _MOST_NULLS:
        return []
    why = f"null in {worst:.2%} of the worst slice: {allowed:.0%} is allowed, as such shares vary"
    return [
        _line("expect_column_values_to_not_be_null", why, column=column.name, mostly=round(1 - allowed, 2))
    ]


def _range(column: Column, seen: str) -> list[Line]:
    least, largest = column.least, column.largest
    number = isinstance(least, int | float | Decimal) and not isinstance(least, bool)
    if not number or least == largest or column.varies_by_slice:
        return []
    if all(low == high for low, high in column.ranges):
        return []
    if isinstance(least, Decimal):  # JSON has none; a bound is rounded outwards anyway
        least, largest = float(least), float(largest)
    span = largest - least
    low = 0 if least >= 0 else _rounded_down(least - span)
    high = 0 if largest <= 0 else _rounded_up(largest + span)
    below = "down to 0" if least >= 0 else "the width of the range below"
    above = "up to 0" if largest <= 0 else "the width of the range above"
    why = f"seen {least:,} to {largest:,} in {seen}; margin: {above}, {below}"
    if column.counts:
        why = f"seen {least:,} to {largest:,} in {seen}; no upper bound: it counts rather than measures"
        return [
            _line(
                "expect_column_values_to_be_between", why, set_aside=True, column=column.name, min_value=low
            )
        ]
    return [
        _line(
            "expect_column_values_to_be_between",
            why,
            set_aside=True,
            column=column.name,
            min_value=low,
            max_value=high,
        )
    ]


def _not_again(columns: Sequence[Column], slices: Sequence[Looked]) -> list[Line]:
    found = timeless(columns, slices)
    if found is None:
        return []
    names, worst = found
    why = (
        f"in the worst of {len(slices)} slices, {worst:.2%} of the rows were in earlier ones: a delivery "
        "that comes again, even under other dates, is no new slice"
    )
    return [_line("expect_compound_columns_to_be_new", why, column_list=names, mostly=_MOSTLY_NEW)]


def _in_slice(schema: pa.Schema, slices: Sequence[Looked], length: Length | float) -> list[Line]:
    whole = length.value if isinstance(length, Length) else length
    return [
        _line(
            "expect_column_values_to_lie_in_slice",
            f"it did in all {each.slices} slices that were seen: otherwise these are rows of another period, "
            "or times of another zone",
            set_aside=True,
            column=each.column,
            length=whole,
        )
        for each in belongings(schema, slices, length)
        if not each.shift
    ]


def _times(column: Column, seen: str, now: datetime) -> list[Line]:
    latest = column.largest
    if isinstance(latest, datetime):
        latest = latest.replace(tzinfo=UTC) if latest.tzinfo is None else latest
    elif isinstance(latest, date):
        latest = datetime(latest.year, latest.month, latest.day, tzinfo=UTC)
    else:
        return []
    if latest > now + timedelta(hours=_MARGIN_HOURS):
        return []
    why = f"the latest in {seen} is {column.largest}: more than a day in the future has not happened yet"
    return [
        _line(
            "expect_column_values_to_not_be_in_future",
            why,
            set_aside=True,
            column=column.name,
            tolerance_seconds=3600 * _MARGIN_HOURS,
        )
    ]


def _category(column: Column, seen: str) -> list[Line]:
    if column.values is None:
        return []
    every = sorted({value for values in column.values for value in values})
    if len(every) < 2 or sum(column.distinct) == 0:
        return []
    if _closed(column):
        why = f"each slice has the same {len(every)} values, in {seen}"
        return [
            _line(
                "expect_column_values_to_be_in_set",
                why,
                set_aside=True,
                column=column.name,
                value_set=every,
            )
        ]
    why = f"{len(every)} values in {seen}; a warning, as slices differ and a new value need not be wrong"
    line = _line("expect_column_values_to_be_in_set", why, column=column.name, value_set=every)
    return [{**line, "severity": "warning"}]


def _closed(column: Column) -> bool:
    """The same values in each of several slices."""
    return column.values is not None and len(column.values) > 1 and len(set(column.values)) == 1


def _new_values(column: Column, slices: Sequence[Looked]) -> list[Line]:
    """Text whose values recur from slice to slice: a model was trained on rows with them."""
    if not column.new_shares or _closed(column) or max(column.distinct) < 2:
        return []
    worst = max(column.new_shares)
    allowed = _allowed(worst, more=0.05)
    if allowed > _MOST_NEW:
        return []
    why = (
        f"in the worst of {len(slices)} slices, {worst:.2%} of the values were in no earlier one: "
        f"{allowed:.0%} is allowed, as real categories grow. Compared with what a model consumed; before "
        "that, not evaluated"
    )
    mostly = round(1 - allowed, 2)
    return [_line("expect_column_values_to_be_in_reference", why, column=column.name, mostly=mostly)]


def _label_drift(column: Column) -> list[Line]:
    types = pa.types
    able = (types.is_integer, types.is_floating, types.is_decimal, types.is_boolean, types.is_string)
    if not any(is_kind(column.type) for is_kind in able):
        return []
    why = "the label of a model: a warning when it is not what the champion was trained on any more"
    return [{**_line("expect_column_psi_to_be_at_most", why, column=column.name), "severity": "warning"}]


def leak_line(label: str, columns: Sequence[str], strongest: str, strength: float, at_most: float) -> Line:
    """An expectation that no column knows the label; a warning, as no number can tell what is known when."""
    why = (
        f"{strongest} is the strongest column alone, by {strength:.3f}: a feed that fills a column in after "
        "the label is known would pass this"
    )
    line = _line(
        "expect_columns_to_not_leak_label",
        why,
        column_list=[*columns],
        label_column=label,
        max_value=at_most,
    )
    return {**line, "severity": "warning"}


def _line(type_: str, why: str, *, set_aside: bool = False, **kwargs: Any) -> Line:
    meta = {"why": why, **({"bad_rows": _SET_ASIDE} if set_aside else {})}
    return {"type": type_, "kwargs": kwargs, "meta": meta}


def _allowed(worst: float, *, more: float) -> float:
    """Four times the worst share that was seen, at least `more` above it; a whole percent."""
    return math.ceil(round(100 * max(4 * worst, worst + more), 6)) / 100


def _rounded_up(value: float) -> float:
    """To two significant digits: 9,949 becomes 10,000. Whole numbers stay whole."""
    if value == 0:
        return value
    unit = 10.0 ** (math.floor(math.log10(abs(value))) - 1)
    rounded = math.ceil(round(value / unit, 6)) * unit
    return math.ceil(rounded) if isinstance(value, int) else float(f"{rounded:.12g}")


def _rounded_down(value: float) -> float:
    return -_rounded_up(-value) if value < 0 else 0
