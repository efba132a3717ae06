"""Cells of text as values, in notations that Arrow's CSV reader has no setting for.

Every cell is a value of its type, or is refused: 1.5 is no number where points separate thousands, and 007
is no whole number where leading zeros mark codes.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

import pyarrow as pa
import pyarrow.compute as pc

_ISO = r"^\d{4}-\d{2}-\d{2}([T ]\d{2}:\d{2}(:\d{2}(\.\d{1,9})?)?)?$"


class BadCell(Exception):
    """The cell of row `row`, from 0, is no value of its type."""

    def __init__(self, row: int, value: str) -> None:
        super().__init__(value)
        self.row, self.value = row, value


@dataclass(frozen=True, kw_only=True)
class Cells:
    """How cells are written; see `Csv`."""

    decimal: str
    thousands: str
    leading_zeros: bool
    date_formats: tuple[str, ...]
    timestamp_formats: tuple[str, ...]
    zone: str

    def reads(self, kind: pa.DataType) -> bool:
        """Whether cells of a type are read here, rather than by Arrow."""
        types = pa.types
        if types.is_integer(kind):
            return bool(self.thousands) or not self.leading_zeros
        if types.is_floating(kind) or types.is_decimal(kind):
            return bool(self.thousands)
        if types.is_date(kind):
            return bool(self.date_formats)
        return bool(types.is_timestamp(kind) and (self.zone or (kind.tz is None and self.timestamp_formats)))

    def values(self, column: pa.ChunkedArray, kind: pa.DataType) -> pa.ChunkedArray:
        """The values of cells; what is null stays null. Raises `BadCell` for the first that is none."""
        try:
            return self._values(column, kind)
        except pa.ArrowInvalid:
            for row, cell in enumerate(column):
                try:
                    self._values(pa.chunked_array([[cell.as_py()]], pa.string()), kind)
                except pa.ArrowInvalid as error:
                    raise BadCell(row, str(cell)) from error
            raise

    def _values(self, column: pa.ChunkedArray, kind: pa.DataType) -> pa.ChunkedArray:
        if pa.types.is_date(kind):
            return self._dates(column).cast(kind)
        return self._times(column, kind) if pa.types.is_timestamp(kind) else self._numbers(column, kind)

    def _numbers(self, column: pa.ChunkedArray, kind: pa.DataType) -> pa.ChunkedArray:
        whole = r"\d+"
        if self.thousands:
            whole = rf"(?:\d{{1,3}}(?:{re.escape(self.thousands)}\d{{3}})+|\d+)"
        if pa.types.is_integer(kind):
            pattern = rf"^[+-]?{whole}$"
            if not self.leading_zeros and pc.any(pc.match_substring_regex(column, r"^[+-]?0\d")).as_py():
                raise pa.ArrowInvalid("a whole number that begins with 0")
        else:
            point = re.escape(self.decimal)
            pattern = rf"^[+-]?(?:{whole}(?:{point}\d*)?|{point}\d+)(?:[eE][+-]?\d+)?$|^(?:nan|NaN|[+-]?inf)$"
        _check(column, pattern)
        text = pc.replace_substring(column, self.thousands, "") if self.thousands else column
        text = pc.replace_substring(text, self.decimal, ".")
        return pc.replace_substring_regex(text, r"^\+", "").cast(kind)

    def _dates(self, column: pa.ChunkedArray) -> pa.ChunkedArray:
        found = self._by_formats(column, self.date_formats)
        rest = pc.and_(pc.is_null(found), pc.is_valid(column))
        iso = pc.if_else(rest, column, pa.scalar(None, pa.string())).cast(pa.date32())
        return pc.coalesce(found.cast(pa.date32()), iso)

    def _times(self, column: pa.ChunkedArray, kind: pa.DataType) -> pa.ChunkedArray:
        """Times without an offset follow the zone's clocks; one that they skip or show twice is refused."""
        plain = [form for form in self.timestamp_formats if "%z" not in form]
        local = self._by_formats(column, plain)
        if kind.tz is None:
            rest = pc.if_else(pc.is_null(local), column, pa.scalar(None, pa.string()))
            return pc.coalesce(local.cast(kind), rest.cast(kind))
        iso = pc.and_(pc.is_null(local), pc.match_substring_regex(column, _ISO))
        none = pa.scalar(None, pa.string())
        local = pc.coalesce(local, pc.if_else(iso, column, none).cast(pa.timestamp("us")))
        there = pc.assume_timezone(local, self.zone, ambiguous="raise", nonexistent="raise").cast(kind)
        rest = pc.if_else(pc.is_null(local), column, none)
        with_offset = [form for form in self.timestamp_formats if "%z" in form]
        at = self._by_formats(rest, with_offset)
        iso_at = pc.if_else(pc.is_null(at), rest, none).cast(kind)
        return pc.coalesce(there, pc.assume_timezone(at, "UTC").cast(kind), iso_at)

    def _by_formats(self, column: pa.ChunkedArray, forms: tuple[str, ...] | list[str]) -> pa.ChunkedArray:
        """Times without a zone, in microseconds; null where none of the forms fits."""
        found = pa.chunked_array([pa.nulls(len(column), pa.timestamp("s"))])
        for form in forms:
            time = pc.strptime(column, format=form, unit="s", error_is_null=True)
            if "%z" not in form:  # strptime takes 31 February for 3 March
                same = pc.equal(_plain(pc.strftime(time, format=form)), _plain(column))
                time = pc.if_else(same, time, pa.scalar(None, time.type))
            found = pc.coalesce(found, time)
        return found.cast(pa.timestamp("us"))


def _plain(text: pa.ChunkedArray) -> pa.ChunkedArray:
    """In lower case, and numbers without leading zeros."""
    return pc.replace_substring_regex(pc.utf8_lower(text), r"\b0+(\d)", r"\1")


def _check(column: pa.ChunkedArray, pattern: str) -> None:
    if not pc.all(pc.match_substring_regex(column, pattern), min_count=0).as_py():
        raise pa.ArrowInvalid(f"a cell that does not match {pattern}")
