"""Every metric that a gate, a policy or a command can name."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from ckpt_ops.errors import BadInput
from ckpt_ops.evaluation.metrics import binary, calibration, multiclass, ordering, ranking, regression
from ckpt_ops.evaluation.metrics.metric import Metric

METRICS: Mapping[str, Metric] = MappingProxyType(
    {
        metric.name: metric
        for metric in (
            ordering.AUC,
            binary.LOG_LOSS,
            binary.ACCURACY,
            binary.BRIER,
            regression.RMSE,
            regression.MAE,
            ordering.AVERAGE_PRECISION,
            binary.F1,
            binary.BALANCED_ACCURACY,
            calibration.ECE,
            regression.R2,
            multiclass.TOP1_ACCURACY,
            multiclass.TOP5_ACCURACY,
            multiclass.CROSS_ENTROPY,
            multiclass.MACRO_F1,
            ranking.NDCG,
            ranking.MRR,
        )
    }
)
"""Every metric that can be named, by name."""


def metric_of_key(key: object, *, field: str = "metric") -> Metric:
    """The metric of what evaluations record: `auc`, or `click:auc` of an output. As `metric_named`."""
    name = key.rpartition(":")[2] if isinstance(key, str) else key
    if isinstance(key, str) and isinstance(name, str) and name in METRICS:
        return METRICS[name]
    return metric_named(key, field=field)


def metric_named(name: object, *, field: str = "metric") -> Metric:
    """The metric of that name; `BadInput` lists the known ones."""
    found = METRICS.get(name) if isinstance(name, str) else None
    if found is None:
        raise BadInput(field, name, f"one of {', '.join(METRICS)}")
    return found
