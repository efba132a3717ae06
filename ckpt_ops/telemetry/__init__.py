"""Numbers for monitoring: one table of metrics, read from a model's log or from the result of a step.

Airflow's own stats (StatsD, OpenTelemetry) and `ckpt-ops metrics` (Prometheus) send the same.
"""

from ckpt_ops.telemetry.measuring import measured, of_model
from ckpt_ops.telemetry.prometheus import prometheus_text
from ckpt_ops.telemetry.stepping import of_result
from ckpt_ops.telemetry.table import METRICS, Kind, Metric, Sample

__all__ = ["METRICS", "Kind", "Metric", "Sample", "measured", "of_model", "of_result", "prometheus_text"]
