"""What each column becomes: a number, a category, parts of a time; or nothing, and why."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from ckpt_ops.errors import BadInput
from ckpt_ops.scaffold.model.label import Target
from ckpt_ops.scaffold.model.leaks import Leaks
from ckpt_ops.scaffold.named_columns import check_column
from ckpt_ops.scaffold.profile import Column

_MOST_NULLS = 0.95
_MOST_CODES = 32
_ROWS_OF_CODE = 20
_FEWEST_OF_IDENTIFIER = 50
_FREE_TEXT = 60
_MOST_NEW = 0.5
_DENSE = 3
_LARGEST = 1e18  # whose square float32 holds
_CODE = re.compile(
    r"(?:.*[_.\- ])?(?:id|code|no|nr|number|zip|zipcode|plz|key|uuid)"
    r"|user|customer|account|item|product|article|movie|film|shop|store|merchant|device|region|zone",
    re.IGNORECASE,
)
_RESERVED = ("features", "hidden_1", "hidden_2", "dropout")
_SUFFIXES = (
    *("", "_column", "_scaled", "_rows", "_embedding", "_standard"),
    *("_hour", "_hour_embedding", "_weekday", "_weekday_embedding"),
)
_INPUT = re.compile(r"[A-Za-z][A-Za-z0-9_]*")


class Becomes(StrEnum):
    """What a model takes of a column."""

    NUMBER = "a number, scaled"
    CATEGORY = "a category with a vocabulary"
    CODE = "a category of whole numbers, with a vocabulary"
    HOUR = "hour and weekday"
    WEEKDAY = "weekday"
    DAYS = "days before the slice's time"
    NOTHING = "left out"


@dataclass(frozen=True, kw_only=True)
class Feature:
    """One column.

    Attributes:
        input: the name of what the model takes; a column's own name where a layer may have it.
        kind: its type, and what was seen of it, in a few words.
        why: what decided.
        values: how many distinct ones were seen.
        usual: of numbers, the median; it stands in for a missing value. Of codes, what stands in for it.
        strength: how well it alone predicts the label, 0 to 1; None where that cannot be measured.
    """

    column: str
    input: str
    kind: str
    becomes: Becomes
    why: str
    values: int = 0
    usual: float = 0.0
    strength: float | None = None


def features_of(
    table: pa.Table,
    columns: Sequence[Column],
    target: Target,
    leaks: Leaks,
    *,
    slice_times: Sequence[str],
    without: Collection[str] = (),
) -> list[Feature]:
    """Every column but the label and the query, in order.

    Args:
        table: the rows of all slices that were looked at.
        columns: what is known of each.
        slice_times: columns of times that lie in their slice.
        without: columns that a person leaves out.

    Raises:
        BadInput: no column is left; or `without` names one that is none.
    """
    for name in without:
        check_column(name, table.column_names, field="--without")
    taken = {*_RESERVED, target.column}
    found = []
    for column in columns:
        if column.name in (target.column, target.group):
            continue
        feature = _feature(table, column, leaks, slice_times, without)
        if feature.becomes is not Becomes.NOTHING:
            feature = replace(feature, input=_input_name(feature.input, taken))
            taken |= _layers_of(feature.input)
        found.append(feature)
    if all(feature.becomes is Becomes.NOTHING for feature in found):
        reasons = "; ".join(f"{each.column}: {each.why}" for each in found[:8]) or "the label is the only one"
        raise BadInput("--label", target.column, f"a label beside columns that say something: {reasons}")
    return found


def _feature(
    table: pa.Table,
    column: Column,
    leaks: Leaks,
    slice_times: Sequence[str],
    without: Collection[str],
) -> Feature:
    """By the type, after what leaves a column out whatever its type."""
    values = table[column.name]
    if pa.types.is_float16(values.type):
        values = values.cast(pa.float32())  # Arrow does not count its values
    there = values.drop_null()
    kind = _in_words(column, there)
    left_out = Feature(column=column.name, input=column.name, kind=kind, becomes=Becomes.NOTHING, why="")
    if column.name in without:
        return replace(left_out, why="--without says so")
    if why := _says_nothing(values, there):
        return replace(left_out, why=why)
    leak = leaks.of(values)
    if leak.why:
        return replace(left_out, why=leak.why, strength=leak.strength)
    found = _by_type(table, there, column, kind, slice_times)
    return replace(found, strength=leak.strength)


def _says_nothing(values: pa.ChunkedArray, there: pa.ChunkedArray) -> str:
    if not len(there):
        return "no value was seen"
    if len(there) < (1 - _MOST_NULLS) * len(values):
        return f"null in {1 - len(there) / len(values):.1%} of the rows"
    if pa.types.is_nested(there.type):
        return "lists and structs need layers of their own: docs/reference/models.md, Lists"
    if pc.count_distinct(there).as_py() == 1:
        return "the same value in all rows"
    return ""


def _by_type(
    table: pa.Table,
    there: pa.ChunkedArray,
    column: Column,
    kind: str,
    slice_times: Sequence[str],
) -> Feature:
    types, found = pa.types, there.type
    plain = Feature(column=column.name, input=column.name, kind=kind, becomes=Becomes.NOTHING, why="")
    plain = replace(plain, values=pc.count_distinct(there).as_py())
    if types.is_timestamp(found) or types.is_date(found):
        return _time(plain, there, table, slice_times)
    if types.is_boolean(found):
        return replace(plain, becomes=Becomes.NUMBER, why="true or false", usual=_median(there))
    if types.is_string(found) or types.is_large_string(found):
        return _text(plain, there, column)
    if types.is_integer(found):
        return _whole(plain, there, column)
    if types.is_floating(found) or types.is_decimal(found):
        if column.varies_by_slice:
            return replace(plain, why="it follows the slices: no model has seen the next value")
        return _measure(plain, there)
    return replace(plain, why=f"no layer takes {found} as it is: write it as a number or text")


def _time(plain: Feature, there: pa.ChunkedArray, table: pa.Table, slice_times: Sequence[str]) -> Feature:
    if plain.column not in slice_times:
        if slice_times:
            until = table[slice_times[0]].cast(pa.date32())
            days = pc.days_between(table[plain.column].cast(pa.date32()), until).drop_null()
            why = f"its days up to {slice_times[0]}: the date itself never recurs"
            return replace(plain, becomes=Becomes.DAYS, why=why, usual=_median(days))
        return replace(plain, why="no column has the slice's time, from which days could be counted")
    if pa.types.is_timestamp(there.type) and pc.count_distinct(pc.hour(there)).as_py() > 1:
        return replace(plain, becomes=Becomes.HOUR, why="it lies in its slice: the date itself never recurs")
    if pc.count_distinct(pc.day_of_week(there)).as_py() > 1:
        return replace(plain, becomes=Becomes.WEEKDAY, why="it lies in its slice: the date never recurs")
    return replace(plain, why="always the same weekday and hour")


def _text(plain: Feature, there: pa.ChunkedArray, column: Column) -> Feature:
    if plain.values > _FEWEST_OF_IDENTIFIER and plain.values > len(there) / 2:
        return replace(plain, why="an identifier: most rows have a value of their own")
    length = pc.mean(pc.utf8_length(there)).as_py()
    if length > _FREE_TEXT:
        return replace(
            plain, why=f"free text, {length:.0f} characters on average: it needs layers of its own"
        )
    if column.new_shares and max(column.new_shares) > _MOST_NEW:
        return replace(plain, why="most of its values do not come again in later slices")
    return replace(plain, becomes=Becomes.CATEGORY, why="its values recur")


def _whole(plain: Feature, there: pa.ChunkedArray, column: Column) -> Feature:
    named = _CODE.fullmatch(column.name) is not None
    if column.counts and (named or _is_dense(there, plain.values)):
        return replace(plain, why="an identifier: nearly all rows have a number of their own")
    if column.varies_by_slice:
        return replace(plain, why="it follows the slices: no model has seen the next value")
    least = pc.min(there).as_py()
    nothing = -1.0 if least >= 0 else float(-(2**31))
    if named:
        why = "its name says that it is a code, not a measure"
        return replace(plain, becomes=Becomes.CODE, why=why, usual=nothing)
    if plain.values <= _MOST_CODES and len(there) >= _ROWS_OF_CODE * plain.values and plain.values > 2:
        why = f"few whole numbers, each in {len(there) // plain.values:,} rows on average"
        return replace(plain, becomes=Becomes.CODE, why=why, usual=nothing)
    return _measure(plain, there)


def _measure(plain: Feature, there: pa.ChunkedArray) -> Feature:
    numbers = pc.cast(there, pa.float64(), safe=False).to_numpy()
    finite = numbers[np.isfinite(numbers)]
    if not len(finite):
        return replace(plain, why="no finite number was seen")
    if np.abs(finite).max() > _LARGEST:
        return replace(
            plain, why=f"numbers beyond {_LARGEST:g} cannot be scaled in float32: write a logarithm"
        )
    return replace(plain, becomes=Becomes.NUMBER, why="a measure", usual=_median(there))


def _is_dense(there: pa.ChunkedArray, distinct: int) -> bool:
    ends = pc.min_max(there).as_py()
    return bool(ends["max"] - ends["min"] < _DENSE * distinct)


def _median(there: pa.ChunkedArray) -> float:
    numbers = pc.cast(there, pa.float64(), safe=False).to_numpy()
    finite = numbers[np.isfinite(numbers)]
    return float(f"{np.median(finite):.4g}") if len(finite) else 0.0


def _in_words(column: Column, there: pa.ChunkedArray) -> str:
    kind = str(column.type)
    if not len(there) or pa.types.is_nested(there.type):
        return kind
    count = pc.count_distinct(there).as_py()
    return f"{kind}, {count:,} value{'s' if count != 1 else ''}"


def output_name(target: Target, features: Sequence[Feature]) -> str:
    """Of the layer that predicts the label."""
    taken = set(_RESERVED)
    for feature in features:
        taken |= _layers_of(feature.input)
    return _input_name(target.column, taken)


def _layers_of(name: str) -> set[str]:
    return {f"{name}{suffix}" for suffix in _SUFFIXES}


def _input_name(column: str, taken: Collection[str]) -> str:
    """A column's own name, where TensorFlow takes it for a scope; else what is left of it in ASCII."""
    name = column
    if not _INPUT.fullmatch(name):
        plain = unicodedata.normalize("NFKD", column).encode("ascii", "ignore").decode()
        name = re.sub(r"[^A-Za-z0-9]+", "_", plain).strip("_").lower() or "column"
        name = name if name[0].isalpha() else f"column_{name}"
    numbered = (f"{name}_{number}" for number in range(2, len(taken) + 3))
    return next(each for each in (name, *numbered) if not _layers_of(each) & set(taken))


def by_kind(features: Sequence[Feature]) -> dict[Becomes, list[Feature]]:
    """The features that a model takes, by what they become."""
    found: dict[Becomes, list[Feature]] = {each: [] for each in Becomes}
    for feature in features:
        found[feature.becomes].append(feature)
    return found
