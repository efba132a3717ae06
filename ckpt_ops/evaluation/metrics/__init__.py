"""The metrics a gate can name, each defined once.

A metric takes labels `y`, float64 of shape (n,), and predictions `p`, of shape (n,) or for several classes
(n, k), and returns a float. Each also has a `weighted` form, which prepares what does not change between
resamples (the sort of the AUC, the loss of each row) and then takes many resamples at once: that is what
makes a bootstrap affordable.
"""

from ckpt_ops.evaluation.metrics.calibration import Bin, calibration_bins, expected_error
from ckpt_ops.evaluation.metrics.metric import FloatArray, Groups, Metric, Needs, OfCounts, Positions
from ckpt_ops.evaluation.metrics.named import METRICS, metric_named, metric_of_key
from ckpt_ops.evaluation.metrics.rows import checked

__all__ = [
    "METRICS",
    "Bin",
    "FloatArray",
    "Groups",
    "Metric",
    "Needs",
    "OfCounts",
    "Positions",
    "calibration_bins",
    "checked",
    "expected_error",
    "metric_named",
    "metric_of_key",
]
