"""Has a column drifted away from what the champion was trained on? By bins (PSI), by values (KS)."""

from __future__ import annotations

from typing import Any, ClassVar

from great_expectations.compatibility import pydantic
from great_expectations.execution_engine import PandasExecutionEngine
from great_expectations.expectations.expectation import ColumnAggregateExpectation
from great_expectations.expectations.metrics.column_aggregate_metric_provider import (
    ColumnAggregateMetricProvider,
    column_aggregate_value,
)

from ckpt_ops.validation.custom.columns import arrow
from ckpt_ops.validation.custom.comparing import binned, gap
from ckpt_ops.validation.custom.drift import CHANCE
from ckpt_ops.validation.custom.evaluating import Evaluating
from ckpt_ops.validation.custom.findings import NotEvaluated, Size, or_not_evaluated, share
from ckpt_ops.validation.custom.reference import current


class ColumnPsi(ColumnAggregateMetricProvider):
    metric_name = "column.psi_to_reference"
    value_keys = ("bins", "reference_slices")

    @column_aggregate_value(engine=PandasExecutionEngine)
    @or_not_evaluated
    def _pandas(cls, column: Any, bins: int, reference_slices: int | None, **_: Any) -> Size:
        name, found = column.name, arrow(column)
        reference = current().sample(name, reference_slices)
        counted = binned(name, reference.values, found, bins=bins)
        if not len(found):
            raise NotEvaluated("the slice has no rows")
        value, noise = counted.psi(), counted.noise()
        where, before, now = counted.largest_change()
        return Size(
            value=value,
            what=f"{name}: PSI",
            basis=f"against {reference.message}",
            more=f"largest share change {where}: {share(before)} to {share(now)}",
            chance=f"chance alone reaches {noise:.3g} with so few rows" if value <= noise else "",
            numbers={"psi": value, "noise": noise, "reference_rows": reference.rows, "rows": len(found)},
        )


class ColumnKs(ColumnAggregateMetricProvider):
    metric_name = "column.ks_to_reference"
    value_keys = ("reference_slices",)

    @column_aggregate_value(engine=PandasExecutionEngine)
    @or_not_evaluated
    def _pandas(cls, column: Any, reference_slices: int | None, **_: Any) -> Size:
        name, found = column.name, arrow(column)
        reference = current().sample(name, reference_slices)
        apart = gap(name, reference.values, found)
        chance = f"chance alone reaches it with so few rows ({_chance(apart.p)})"
        return Size(
            value=apart.d,
            what=f"{name}: D",
            basis=f"against {reference.message} ({_chance(apart.p)})",
            more=f"{share(apart.expected)} were at most {apart.at:,.6g}, now {share(apart.found)}",
            chance=chance if apart.p >= CHANCE else "",
            numbers={"d": apart.d, "p": apart.p, "reference_rows": reference.rows, "rows": apart.rows},
        )


class ExpectColumnPsiToBeAtMost(Evaluating, ColumnAggregateExpectation):
    """The population stability index of a column against the training reference.

    Numbers are counted over `bins` quantiles of the reference, text and booleans over their `bins` largest
    values with the rest together; null is a bin of its own. See `drift.psi` for the sum and its smoothing.

    Args:
        column: numbers, text or booleans.
        max_value: no unit. Siddiqi (Credit Risk Scorecards, 2006): below 0.1 little has changed, above
            0.25 (the default) much has; for a normal column that is a shift of half a standard deviation.
        bins: 2 to 100, 10 by default, as is usual with these limits.
        reference_slices: how many of the newest consumed slices to compare with, 4 by default; null: all.

    An index above `max_value` that chance alone reaches one time in a thousand is not evaluated.
    """

    max_value: float = pydantic.Field(default=0.25, ge=0)
    bins: int = pydantic.Field(default=10, ge=2, le=100)
    reference_slices: int | None = pydantic.Field(default=4, ge=1)

    metric_dependencies: ClassVar[tuple[str, ...]] = (ColumnPsi.metric_name,)
    success_keys: ClassVar[tuple[str, ...]] = ("max_value", "bins", "reference_slices")
    sentence: ClassVar[str] = (
        "PSI of $column against the last consumed slices ($reference_slices) is at most $max_value."
    )


class ExpectColumnKsStatisticToBeAtMost(Evaluating, ColumnAggregateExpectation):
    """The Kolmogorov-Smirnov statistic D of a numeric column against the training reference.

    D is the largest difference between the two shares of rows that are at most some value. It decides;
    the p-value is reported. Nulls are left out: how many there are is a different question.

    Args:
        column: numbers.
        max_value: a share of rows, 0 to 1; 0.2 by default: for a normal column a shift of half a standard
            deviation, Cohen's "medium" effect (Statistical Power Analysis, 1988). 0.08 is a "small" one.
        reference_slices: how many of the newest consumed slices to compare with, 4 by default; null: all.

    A D above `max_value` with p >= 0.001 is not evaluated: so few rows show it by chance.
    """

    max_value: float = pydantic.Field(default=0.2, ge=0, le=1)
    reference_slices: int | None = pydantic.Field(default=4, ge=1)

    metric_dependencies: ClassVar[tuple[str, ...]] = (ColumnKs.metric_name,)
    success_keys: ClassVar[tuple[str, ...]] = ("max_value", "reference_slices")
    sentence: ClassVar[str] = (
        "Kolmogorov-Smirnov D of $column against the last consumed slices ($reference_slices) "
        "is at most $max_value."
    )


def _chance(p: float) -> str:
    return f"p = {p:.1g}" if p else "p < 1e-300"
