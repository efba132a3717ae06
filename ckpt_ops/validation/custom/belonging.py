"""Do rows belong to this slice? Checked against the times that the slice's key stands for."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any, ClassVar
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import numpy as np
from great_expectations.compatibility import pydantic
from great_expectations.execution_engine import PandasExecutionEngine
from great_expectations.expectations.expectation import ColumnAggregateExpectation
from great_expectations.expectations.metrics.column_aggregate_metric_provider import (
    ColumnAggregateMetricProvider,
    column_aggregate_value,
)

from ckpt_ops.belonging import Length, Window, describe, window_of
from ckpt_ops.validation.custom.clock import says
from ckpt_ops.validation.custom.columns import Arrow, arrow, local_microseconds, microseconds
from ckpt_ops.validation.custom.evaluating import Evaluating
from ckpt_ops.validation.custom.findings import Misfits, or_not_evaluated
from ckpt_ops.validation.custom.reference import current

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)


class ColumnValuesOutsideSlice(ColumnAggregateMetricProvider):
    metric_name = "column.values_outside_slice"
    value_keys = ("length", "timezone", "tolerance_seconds")

    @column_aggregate_value(engine=PandasExecutionEngine)
    @or_not_evaluated
    def _pandas(
        cls, column: Any, length: str | float, timezone: str, tolerance_seconds: float, **_: Any
    ) -> Misfits:
        whole = Length(length) if isinstance(length, str) else length
        window = window_of(current().start, whole, zone=timezone)
        found: Arrow = arrow(column)
        times, known = microseconds(found, column.name)
        if timezone != "UTC" and getattr(found.type, "tz", None) is None:
            times = local_microseconds(times, known, timezone)
        spare = timedelta(seconds=tolerance_seconds)
        first, end = ((at - _EPOCH) // _MICROSECOND for at in (window.start - spare, window.end + spare))
        outside = known & ((times < first) | (times >= end))
        return Misfits(
            unexpected=outside,
            evaluated=int(known.sum()),
            index=column.index,
            examples=list(column[outside].head(20).astype(str)),
            subject=column.name,
            what=f"lie outside the slice ({says(first)} to {says(end)})",
            more=_shifted(window, times[known]),
        )


class ExpectColumnValuesToLieInSlice(Evaluating, ColumnAggregateExpectation):
    """Times are those of the slice: from its key up to the next one.

    It finds rows of a different period under this key, and times of a different zone.

    Args:
        column: timestamps or dates. Nulls are not evaluated.
        length: of a slice: "hour", "day", "week", "month", or a number of seconds.
        timezone: in which the key is read, and times without a zone; UTC by default.
        mostly: the least share of rows, 0 to 1, that lies in the slice; 1 by default.
        tolerance_seconds: how far outside a time may be, 0 by default.
    """

    length: str | float
    timezone: str = "UTC"
    mostly: float = pydantic.Field(default=1.0, ge=0, le=1)
    tolerance_seconds: float = pydantic.Field(default=0.0, ge=0)

    metric_dependencies: ClassVar[tuple[str, ...]] = (ColumnValuesOutsideSlice.metric_name,)
    success_keys: ClassVar[tuple[str, ...]] = ("length", "timezone", "mostly", "tolerance_seconds")
    sentence: ClassVar[str] = (
        "Values of $column lie in the slice, whose length is $length, in the time zone $timezone, "
        "at least a share $mostly of them."
    )

    @pydantic.validator("length")
    def _known_length(cls, value: str | float) -> str | float:
        try:
            seconds = float(value)
        except ValueError:
            return Length(str(value)).value
        if seconds <= 0:
            raise ValueError("length has to be positive")
        return seconds

    @pydantic.validator("timezone")
    def _known_zone(cls, value: str) -> str:
        try:
            ZoneInfo(value)
        except (ZoneInfoNotFoundError, ValueError, OSError):
            raise ValueError(
                f"timezone {value!r} is not a time zone; use a name such as 'America/New_York'"
            ) from None
        return value


def _shifted(window: Window, times: Any) -> str:
    """Whether all rows are off by the same amount, as text; "" where they are not."""
    if not len(times):
        return ""
    try:
        first, last = (_EPOCH + int(at) * _MICROSECOND for at in (np.min(times), np.max(times)))
    except OverflowError:
        return ""
    shift = window.shift(first, last)
    return f"all would lie in it if they were not {describe(shift)}" if shift else ""
