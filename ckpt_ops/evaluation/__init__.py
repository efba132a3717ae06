"""Is the candidate good enough? Metrics, paired significance and gates over saved predictions."""

from ckpt_ops.evaluation.bootstrap import Difference, paired_bootstrap
from ckpt_ops.evaluation.errors import UndefinedMetric, UnusablePredictions
from ckpt_ops.evaluation.gates import AtLeast, AtMost, Gate, NoSegmentWorse, NotWorseThan, Servable
from ckpt_ops.evaluation.judging import check_gates, judge_all, metrics_of
from ckpt_ops.evaluation.metrics import METRICS, Metric, Needs, metric_named
from ckpt_ops.evaluation.predictions import Judged, ServableCheck
from ckpt_ops.evaluation.verdicts import Evaluation, Verdict

__all__ = [
    "METRICS",
    "AtLeast",
    "AtMost",
    "Difference",
    "Evaluation",
    "Gate",
    "Judged",
    "Metric",
    "Needs",
    "NoSegmentWorse",
    "NotWorseThan",
    "Servable",
    "ServableCheck",
    "UndefinedMetric",
    "UnusablePredictions",
    "Verdict",
    "check_gates",
    "judge_all",
    "metric_named",
    "metrics_of",
    "paired_bootstrap",
]
