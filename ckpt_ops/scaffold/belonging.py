"""Which columns hold times of their slice: they get an expectation, and an offset is reported."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from ckpt_ops.belonging import Length, describe, instant, window_of
from ckpt_ops.key_times import form_of, time_of
from ckpt_ops.scaffold.profile import Looked

_DAY = timedelta(days=1)


@dataclass(frozen=True, kw_only=True)
class Belonging:
    """By how much a column of times is off its slice.

    Attributes:
        slices: how many were looked at.
        shift: the same in all of them; zero: it lies in its slice.
    """

    column: str
    slices: int
    shift: timedelta

    @property
    def note(self) -> str:
        """What a person should know; empty when all is well."""
        if not self.shift:
            return ""
        return (
            f"{self.column} lies {describe(self.shift)} for its slice in all {self.slices} slices that were "
            "looked at: keys are read as UTC, so these may be times or days of another zone. Check it with "
            "expect_column_values_to_lie_in_slice and timezone, or set the DAG's timezone"
        )


def belongings(schema: pa.Schema, slices: Sequence[Looked], length: Length | float) -> list[Belonging]:
    """The columns that lie in their slices, or are off all of them by one amount; others are left out."""
    found = []
    for field in schema:
        # a date says nothing of an hour
        if not (pa.types.is_timestamp(field.type) or (pa.types.is_date(field.type) and _of_days(length))):
            continue
        shifts = {_shift(each, length, each.table[field.name]) for each in slices}
        shifts.discard(_NOTHING)
        if len(shifts) == 1 and (shift := shifts.pop()) is not None:
            found.append(Belonging(column=field.name, slices=len(slices), shift=shift))
    return found


_NOTHING = timedelta.max


def _shift(looked: Looked, length: Length | float, column: pa.ChunkedArray) -> timedelta | None:
    """By how much a column is off its slice; None: it follows no slice. Without a value: `_NOTHING`."""
    form = form_of(looked.key)
    start = time_of(looked.key, form) if form else None
    if start is None:
        return None
    ends: dict[str, Any] = pc.min_max(column).as_py()
    if ends["min"] is None:
        return _NOTHING
    return window_of(start, length).shift(instant(ends["min"]), instant(ends["max"]))


def _of_days(length: Length | float) -> bool:
    return length in (Length.DAY, Length.WEEK, Length.MONTH) or (
        not isinstance(length, Length) and length >= _DAY.total_seconds()
    )
