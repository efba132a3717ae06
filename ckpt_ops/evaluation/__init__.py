"""Is the candidate good enough? Metrics, paired significance and gates over saved predictions."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ckpt_ops.on_first_use import on_first_use

if TYPE_CHECKING:
    from ckpt_ops.evaluation.basis import Basis
    from ckpt_ops.evaluation.bootstrap import Difference, paired_bootstrap
    from ckpt_ops.evaluation.errors import UndefinedMetric, UnusablePredictions
    from ckpt_ops.evaluation.evaluate import check_gates, evaluate_all, main_metric, main_output, metrics_of
    from ckpt_ops.evaluation.gates import (
        AtLeast,
        AtMost,
        Calibrated,
        FairAcross,
        FairRates,
        Floor,
        Gate,
        LatencyAtMost,
        NoForgetting,
        NoSegmentWorse,
        NoSuspectSlice,
        NotWorseThan,
        Servable,
        SizeAtMost,
        Unclear,
        past_slices,
        segment_columns,
    )
    from ckpt_ops.evaluation.metrics import METRICS, Metric, Needs, metric_named, metric_of_key
    from ckpt_ops.evaluation.past import Past
    from ckpt_ops.evaluation.predictions import EvaluatedRows
    from ckpt_ops.evaluation.served import Latency, ServableCheck
    from ckpt_ops.evaluation.verdicts import Evaluation, PastSlice, Verdict

    # Former names: code that is kept with versions imports them.
    Judged = EvaluatedRows
    judge_all = evaluate_all

__all__ = [
    "METRICS",
    "AtLeast",
    "AtMost",
    "Basis",
    "Calibrated",
    "Difference",
    "EvaluatedRows",
    "Evaluation",
    "FairAcross",
    "FairRates",
    "Floor",
    "Gate",
    "Judged",
    "Latency",
    "LatencyAtMost",
    "Metric",
    "Needs",
    "NoForgetting",
    "NoSegmentWorse",
    "NoSuspectSlice",
    "NotWorseThan",
    "Past",
    "PastSlice",
    "Servable",
    "ServableCheck",
    "SizeAtMost",
    "Unclear",
    "UndefinedMetric",
    "UnusablePredictions",
    "Verdict",
    "check_gates",
    "evaluate_all",
    "judge_all",
    "main_metric",
    "main_output",
    "metric_named",
    "metric_of_key",
    "metrics_of",
    "paired_bootstrap",
    "past_slices",
    "segment_columns",
]

_TABLE = {
    "ckpt_ops.evaluation.basis": "Basis",
    "ckpt_ops.evaluation.bootstrap": "Difference paired_bootstrap",
    "ckpt_ops.evaluation.errors": "UndefinedMetric UnusablePredictions",
    "ckpt_ops.evaluation.evaluate": "check_gates evaluate_all main_metric main_output metrics_of",
    "ckpt_ops.evaluation.gates": (
        "AtLeast AtMost Calibrated FairAcross FairRates Floor Gate LatencyAtMost "
        "NoForgetting NoSegmentWorse NoSuspectSlice NotWorseThan Servable SizeAtMost Unclear "
        "past_slices segment_columns"
    ),
    "ckpt_ops.evaluation.metrics": "METRICS Metric Needs metric_named metric_of_key",
    "ckpt_ops.evaluation.past": "Past",
    "ckpt_ops.evaluation.predictions": "EvaluatedRows",
    "ckpt_ops.evaluation.served": "Latency ServableCheck",
    "ckpt_ops.evaluation.verdicts": "Evaluation PastSlice Verdict",
}
_FORMER = {"Judged": "EvaluatedRows", "judge_all": "evaluate_all"}
on_first_use(__name__, _TABLE, former=_FORMER)
