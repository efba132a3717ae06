"""How the cells of CSV are written: told from the text of all columns together, and explained in notes.

What is clear is set; what could be read in two ways stays text, and a note names the setting for each.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

import pyarrow as pa
import pyarrow.compute as pc

from ckpt_ops.printable import first_few
from ckpt_ops.scaffold.types import type_of_text
from ckpt_ops.slices.formats import Csv
from ckpt_ops.slices.formats.cells import BadCell

Text = Mapping[str, pa.ChunkedArray]

_GROUPS = ".' \u00a0\u202f,"
_NULLS = ("NA", "NULL", "null")
_CODES = r"^[A-Z]{2}$"
_FEWEST_CODES = 3
_CLOCKS = {"": "", r"[ T]\d{2}:\d{2}": "%H:%M", r"[ T]\d{2}:\d{2}:\d{2}": "%H:%M:%S"}
_DAY = r"\d{1,2}"


@dataclass(frozen=True, kw_only=True)
class Dialect:
    """What was found: the reader, the columns, and what a person should know."""

    form: Csv
    schema: pa.Schema
    notes: tuple[str, ...]


def dialect_of(form: Csv, columns: Text) -> Dialect:
    """From the text of the columns, in which only "" is null."""
    form, notes = _nulls(form, columns)
    values = {name: _with_nulls(form, name, column) for name, column in columns.items()}
    form, of_numbers = _numbers(form, values)
    form, of_dates = _dates(form, values)
    kinds = {name: _kind(form, column) for name, column in values.items()}
    if any(pa.types.is_integer(kind) for kind in kinds.values()):
        form = replace(form, leading_zeros=False)
    return Dialect(form=form, schema=pa.schema(list(kinds.items())), notes=(*notes, *of_numbers, *of_dates))


def _nulls(form: Csv, columns: Text) -> tuple[Csv, list[str]]:
    """NA is Namibia among other two-letter codes."""
    named = {name for name, column in columns.items() if _any(column, rf"^(?:{'|'.join(_NULLS)})$")}
    codes = [name for name in columns if name in named and _are_codes(columns[name])]
    notes = []
    if codes:
        form = replace(form, null_values_of=tuple((name, ("",)) for name in codes))
        notes.append(
            f"{_columns(codes)} {_has(codes)} NA among other two-letter codes: read as text, not as null"
        )
    others = [name for name in columns if name in named and name not in codes]
    if others:
        shown = ", ".join(word for word in _NULLS if any(_any(columns[name], f"^{word}$") for name in others))
        notes.append(
            f"{shown} in {_columns(others)} stands for no value; if it is a value, set null_values_of= of Csv"
        )
    return form, notes


def _are_codes(column: pa.ChunkedArray) -> bool:
    rest = pc.unique(column.drop_null().filter(pc.not_equal(column.drop_null(), "NA")))
    return len(rest) >= _FEWEST_CODES and _all(pa.chunked_array([rest]), _CODES)


def _with_nulls(form: Csv, name: str, column: pa.ChunkedArray) -> pa.ChunkedArray:
    if name in dict(form.null_values_of):
        return column
    null = pc.is_in(column, value_set=pa.array(form.null_values, pa.string()))
    return pc.if_else(null, pa.scalar(None, pa.string()), column)


def _numbers(form: Csv, columns: Text) -> tuple[Csv, list[str]]:
    """Decimal comma and what sets thousands apart."""
    found = {sign: [name for name in columns if _written(columns[name], sign)] for sign in ",."}
    unclear = [
        name for name in found[","] if name in found["."] or _all(columns[name], _grouped(",", r"(?:)"))
    ]
    commas = [name for name in found[","] if name not in unclear]
    points = [name for name in found["."] if name not in unclear and name not in commas]
    plain = [name for name in columns if _all(columns[name], r"^[+-]?\d*\.\d+$|^[+-]?\d+\.?\d*$")]
    plain = [
        name
        for name in plain
        if _any(columns[name], r"\.") and not _all(columns[name], _grouped(".", r"(?:)"))
    ]
    notes = []
    if unclear:
        notes.append(
            f"{_columns(unclear)} {_look(unclear)} like numbers with a decimal comma, or with commas between "
            f"thousands: {_stay(unclear)} text; give the source format=Csv(decimal=',') or Csv(thousands=',')"
        )
    if commas and (points or plain):
        others = points or plain
        notes.append(
            f"{_columns(commas)} {_look(commas)} like numbers with a decimal comma, but "
            f"{_columns(others)} {_has(others)} decimal points: {_stay(commas)} text"
        )
    elif commas:
        form = replace(form, decimal=",", thousands=_group(columns, commas, _GROUPS.replace(",", "")))
        notes.append(f"{_columns(commas)} {_look(commas)} like numbers with a decimal comma: read as such")
    elif points:
        form = replace(form, thousands=_group(columns, points, _GROUPS.replace(".", "")))
        what = f"like numbers with {form.thousands!r} between thousands"
        notes.append(f"{_columns(points)} {_look(points)} {what}: read as such")
    return form, notes


def _written(column: pa.ChunkedArray, decimal: str) -> bool:
    """All are numbers with that decimal sign and groups, and one has what Python's own numbers lack."""
    groups = "".join(re.escape(group) for group in _GROUPS if group != decimal)
    point = re.escape(decimal)
    pattern = rf"^[+-]?(?:\d+|\d{{1,3}}(?:[{groups}]\d{{3}})+)(?:{point}\d+)?$"
    telling = "," if decimal == "," else f"[{groups}]"
    return _all(column, pattern) and _any(column, telling)


def _grouped(group: str, fraction: str) -> str:
    return rf"^[+-]?(?:0|[1-9]\d{{0,2}}(?:{re.escape(group)}\d{{3}})*){fraction}$"


def _group(columns: Text, names: Sequence[str], groups: str) -> str:
    """The first character that sets thousands apart."""
    return next(
        (group for group in groups if any(_any(columns[name], re.escape(group)) for name in names)), ""
    )


def _dates(form: Csv, columns: Text) -> tuple[Csv, list[str]]:
    """Dates written 31.12.2025, 31/12/2025 or 12/31/2025, with or without a time."""
    notes: list[str] = []
    days: list[str] = []
    times: list[str] = []
    for name, column in columns.items():
        for sign, clock, found in _by_form(column):
            first_is_day, first_is_month = sign == "." or _above(column, 0), _above(column, 1)
            if first_is_day == first_is_month:
                notes.append(
                    f"{_columns([name])} looks like dates, but day and month cannot be told apart: it stays "
                    "text; give the source format=Csv(date_formats=('%d/%m/%Y',)), with a time "
                    "timestamp_formats="
                )
                continue
            form_ = f"%d{sign}%m{sign}%Y" if first_is_day else f"%m{sign}%d{sign}%Y"
            (times if clock else days).append(f"{form_}{found}{clock}")
            notes.append(f"{_columns([name])} looks like dates written {form_}: read as such")
    form = replace(form, date_formats=tuple(dict.fromkeys(days)))
    return replace(form, timestamp_formats=tuple(dict.fromkeys(times))), notes


def _by_form(column: pa.ChunkedArray) -> Iterator[tuple[str, str, str]]:
    """The sign between the numbers of a date, the form of its time, and what is between them."""
    for sign in "./":
        for pattern, clock in _CLOCKS.items():
            if _all(column, rf"^{_DAY}{re.escape(sign)}{_DAY}{re.escape(sign)}\d{{4}}{pattern}$"):
                yield sign, clock, "T" if clock and _any(column, "T") else " " if clock else ""


def _above(column: pa.ChunkedArray, part: int) -> bool:
    """Some number there is above 12: it is no month."""
    numbers = pc.extract_regex(column.drop_null(), r"^(?P<a>\d+)[./](?P<b>\d+)")
    values = pc.struct_field(numbers.combine_chunks() if len(numbers) else numbers, part).cast(pa.int64())
    return bool(pc.max(values).as_py() > 12)


def _kind(form: Csv, column: pa.ChunkedArray) -> pa.DataType:
    """The type that a setting gives the text; else the type that it has by itself."""
    cells = form.cells
    if len(column.drop_null()):
        for kind in (pa.int64(), pa.float64(), pa.date32(), pa.timestamp("us")):
            number = not pa.types.is_temporal(kind)
            if number and not (form.thousands or form.decimal == ","):
                continue
            if not number and not (form.date_formats if kind == pa.date32() else form.timestamp_formats):
                continue
            if number and _any(column, r"^[+-]?0\d"):
                continue
            try:
                cells.values(column, kind)
            except BadCell:
                continue
            return kind
    found = type_of_text(column)
    return pa.string() if pa.types.is_floating(found) and form.decimal == "," else found


def _columns(names: Sequence[str]) -> str:
    shown = first_few(names, 6)
    return f"{len(names)} text column{'s' if len(names) > 1 else ''} ({shown})"


def _look(names: Sequence[str]) -> str:
    return "look" if len(names) > 1 else "looks"


def _has(names: Sequence[str]) -> str:
    return "have" if len(names) > 1 else "has"


def _stay(names: Sequence[str]) -> str:
    return "they stay" if len(names) > 1 else "it stays"


def _all(column: pa.ChunkedArray, pattern: str) -> bool:
    there = column.drop_null()
    return len(there) > 0 and bool(pc.all(pc.match_substring_regex(there, pattern)).as_py())


def _any(column: pa.ChunkedArray, pattern: str) -> bool:
    return bool(pc.any(pc.match_substring_regex(column, pattern), min_count=0).as_py())
