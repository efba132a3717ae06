"""What a finding over several columns at once needs from Great Expectations."""

from __future__ import annotations

from typing import Any

from great_expectations.core.metric_domain_types import MetricDomainTypes
from great_expectations.execution_engine import PandasExecutionEngine
from great_expectations.expectations.metrics.metric_provider import metric_value
from great_expectations.expectations.metrics.table_metric_provider import TableMetricProvider

from ckpt_ops.validation.custom.findings import Finding, or_not_evaluated


class FrameFinding(TableMetricProvider):
    """A metric that is a finding. Subclasses give `metric_name`, `value_keys` and `find`."""

    @classmethod
    def find(cls, frame: Any, *values: Any) -> Finding:
        """The finding in all rows; `values` are the expectation's, as `value_keys` names them."""
        raise NotImplementedError

    @metric_value(engine=PandasExecutionEngine)
    @or_not_evaluated
    def _pandas(
        cls,
        execution_engine: Any,
        metric_domain_kwargs: dict[str, Any],
        metric_value_kwargs: dict[str, Any],
        **_: Any,
    ) -> Finding:
        frame, _, _ = execution_engine.get_compute_domain(metric_domain_kwargs, MetricDomainTypes.TABLE)
        return cls.find(frame, *(metric_value_kwargs[key] for key in cls.value_keys))
