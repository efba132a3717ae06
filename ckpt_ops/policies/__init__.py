"""When to update: small values that combine, each with a reason."""

from ckpt_ops.policies.base import ColumnDrift, Decision, Facts, Policy, decide
from ckpt_ops.policies.combined import AllOf, AnyOf
from ckpt_ops.policies.drift import Drift
from ckpt_ops.policies.guards import Cooldown, CostBudget
from ckpt_ops.policies.metric_drop import MetricDrop
from ckpt_ops.policies.needs import DriftNeed, NeedsDrift, drift_needed
from ckpt_ops.policies.thresholds import Age, Always, Every, Rows

__all__ = [
    "Age",
    "AllOf",
    "Always",
    "AnyOf",
    "ColumnDrift",
    "Cooldown",
    "CostBudget",
    "Decision",
    "Drift",
    "DriftNeed",
    "Every",
    "Facts",
    "MetricDrop",
    "NeedsDrift",
    "Policy",
    "Rows",
    "decide",
    "drift_needed",
]
