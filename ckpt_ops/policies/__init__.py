"""When to update: small values that combine, and say why."""

from ckpt_ops.policies.base import Decision, Facts, Policy, decide
from ckpt_ops.policies.combined import AllOf, AnyOf
from ckpt_ops.policies.metric_drop import MetricDrop
from ckpt_ops.policies.thresholds import Age, Always, Every, Rows

__all__ = [
    "Age",
    "AllOf",
    "Always",
    "AnyOf",
    "Decision",
    "Every",
    "Facts",
    "MetricDrop",
    "Policy",
    "Rows",
    "decide",
]
