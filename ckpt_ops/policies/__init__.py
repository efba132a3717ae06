"""When to update: small values that combine, each with a reason."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ckpt_ops.on_first_use import on_first_use

if TYPE_CHECKING:
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

_TABLE = {
    "ckpt_ops.policies.base": "ColumnDrift Decision Facts Policy decide",
    "ckpt_ops.policies.combined": "AllOf AnyOf",
    "ckpt_ops.policies.drift": "Drift",
    "ckpt_ops.policies.guards": "Cooldown CostBudget",
    "ckpt_ops.policies.metric_drop": "MetricDrop",
    "ckpt_ops.policies.needs": "DriftNeed NeedsDrift drift_needed",
    "ckpt_ops.policies.thresholds": "Age Always Every Rows",
}
on_first_use(__name__, _TABLE)
