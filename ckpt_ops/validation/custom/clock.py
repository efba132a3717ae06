"""Do times lie in the future? Of the moment at which the slice was pulled, not of its evaluation."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any, ClassVar

from great_expectations.compatibility import pydantic
from great_expectations.execution_engine import PandasExecutionEngine
from great_expectations.expectations.expectation import ColumnAggregateExpectation
from great_expectations.expectations.metrics.column_aggregate_metric_provider import (
    ColumnAggregateMetricProvider,
    column_aggregate_value,
)

from ckpt_ops.validation.custom.columns import arrow, microseconds
from ckpt_ops.validation.custom.evaluating import Evaluating
from ckpt_ops.validation.custom.findings import Misfits, or_not_evaluated
from ckpt_ops.validation.custom.reference import current

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)


class ColumnFutureValues(ColumnAggregateMetricProvider):
    metric_name = "column.values_in_future"
    value_keys = ("tolerance_seconds",)

    @column_aggregate_value(engine=PandasExecutionEngine)
    @or_not_evaluated
    def _pandas(cls, column: Any, tolerance_seconds: float, **_: Any) -> Misfits:
        times, known = microseconds(arrow(column), column.name)
        pulled_at = pulled_at_microseconds()
        future = known & (times > pulled_at + round(tolerance_seconds * 1_000_000))
        latest = f"the latest {says(int(times[known].max()))}" if known.any() else ""
        return Misfits(
            unexpected=future,
            evaluated=int(known.sum()),
            index=column.index,
            examples=list(column[future].head(20).astype(str)),
            subject=column.name,
            what=f"lie in the future of the pull ({says(pulled_at)})",
            more=latest,
        )


class ExpectColumnValuesToNotBeInFuture(Evaluating, ColumnAggregateExpectation):
    """Times are not after the moment at which the slice was pulled.

    Great Expectations' `expect_column_values_to_be_between` knows a fixed bound only: evaluated again a year
    later, the same slice has to get the same verdict.

    Args:
        column: timestamps or dates; a time without a zone is read as UTC. Nulls are not evaluated.
        mostly: the least share of rows, 0 to 1, that lies in the past; 1 by default.
        tolerance_seconds: how far the clocks of the data may be ahead, 0 by default.
    """

    mostly: float = pydantic.Field(default=1.0, ge=0, le=1)
    tolerance_seconds: float = pydantic.Field(default=0.0, ge=0)

    metric_dependencies: ClassVar[tuple[str, ...]] = (ColumnFutureValues.metric_name,)
    success_keys: ClassVar[tuple[str, ...]] = ("mostly", "tolerance_seconds")
    sentence: ClassVar[str] = (
        "Values of $column are not after the pull of the slice by more than $tolerance_seconds s, "
        "at least a share $mostly of them."
    )


def pulled_at_microseconds() -> int:
    """Microseconds since 1970. Raises `NotEvaluated` when it is not known when the slice was pulled."""
    return (current().pulled_at - _EPOCH) // _MICROSECOND


def says(microseconds: int) -> str:
    """To the second, in UTC."""
    try:
        return (_EPOCH + microseconds * _MICROSECOND).isoformat(sep=" ", timespec="seconds")[:19] + " UTC"
    except OverflowError:
        return "a time beyond the year 9999"
