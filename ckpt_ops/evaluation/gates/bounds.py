"""The gates on the candidate's own quality, with or without a champion."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from ckpt_ops.evaluation.errors import UndefinedMetric, UnusablePredictions
from ckpt_ops.evaluation.gates.asking import unjudged, value
from ckpt_ops.evaluation.metrics import METRICS, metric_named
from ckpt_ops.evaluation.predictions import Judged
from ckpt_ops.evaluation.settings import check_number, wrong_direction
from ckpt_ops.evaluation.verdicts import Verdict
from ckpt_ops.evaluation.wording import decimals_apart, plain


@dataclass(frozen=True)
class AtLeast:
    """Refuses a candidate whose metric is below `threshold`. For metrics where higher is better."""

    name: ClassVar[str] = "AtLeast"
    absolute: ClassVar[bool] = True

    metric: str
    threshold: float

    def __post_init__(self) -> None:
        if not metric_named(self.metric, field="AtLeast.metric").higher_is_better:
            raise wrong_direction("AtLeast", self.metric, "AtMost", higher=True)
        check_number("AtLeast.threshold", self.threshold)

    def judge(self, judged: Judged, *, seed: int) -> Verdict:
        return _bounded(
            self, judged, self.metric, self.threshold, holds=("is at least", "is below"), at_least=True
        )


@dataclass(frozen=True)
class AtMost:
    """Refuses a candidate whose metric is above `threshold`. For metrics where lower is better."""

    name: ClassVar[str] = "AtMost"
    absolute: ClassVar[bool] = True

    metric: str
    threshold: float

    def __post_init__(self) -> None:
        if metric_named(self.metric, field="AtMost.metric").higher_is_better:
            raise wrong_direction("AtMost", self.metric, "AtLeast", higher=False)
        check_number("AtMost.threshold", self.threshold)

    def judge(self, judged: Judged, *, seed: int) -> Verdict:
        return _bounded(
            self, judged, self.metric, self.threshold, holds=("is at most", "is above"), at_least=False
        )


def _bounded(
    gate: AtLeast | AtMost,
    judged: Judged,
    metric: str,
    threshold: float,
    *,
    holds: tuple[str, str],
    at_least: bool,
) -> Verdict:
    try:
        found = value(METRICS[metric], judged.label, judged.candidate, judged.groups, "candidate")
    except (UndefinedMetric, UnusablePredictions) as error:
        return unjudged(gate, error)
    passed = found >= threshold if at_least else found <= threshold
    d = decimals_apart((found, threshold))
    side = holds[0] if passed else holds[1]
    words = f"{metric} {plain(found, d)} {side} {plain(threshold, d)} on {judged.count:,} rows"
    numbers = {"candidate": found, "threshold": float(threshold), "rows": float(judged.count)}
    return Verdict(gate=repr(gate), passed=passed, words=words, numbers=numbers)
