"""The gate on segments: is the candidate worse than the champion for anyone?"""

from __future__ import annotations

from dataclasses import KW_ONLY, dataclass
from typing import ClassVar

from ckpt_ops import checks
from ckpt_ops.evaluation.errors import UndefinedMetric, UnusablePredictions
from ckpt_ops.evaluation.gates.asking import (
    ROUNDING,
    Compared,
    compare,
    left_out,
    no_champion,
    parts,
    segments,
    unevaluated,
)
from ckpt_ops.evaluation.metrics import METRICS, Metric, metric_named
from ckpt_ops.evaluation.number_format import decimals_apart, plain
from ckpt_ops.evaluation.predictions import EvaluatedRows
from ckpt_ops.evaluation.settings import SEGMENT_COLUMN
from ckpt_ops.evaluation.verdicts import Verdict
from ckpt_ops.values import as_code, later
from ckpt_ops.wire_names import wire


@wire("NoSegmentWorse")
@dataclass(frozen=True)
class NoSegmentWorse:
    """Rejects a candidate that is worse than the champion by more than `margin` in any one segment.

    A good average can hide a segment that got worse. Segments of fewer than `min_rows` rows, and segments on
    which the metric has no value (one class only), are left out, and the verdict counts them. The rule is
    on the difference itself: `min_rows` is what keeps chance out. The verdict's numbers have the paired 95 %
    interval of each segment, which shows whether margin and min_rows fit each other. Where no segment
    could be compared, the gate does not apply.

    Args:
        column: the segment column, as the rows name it.
        metric: one of `METRICS`.
        margin: in the metric's unit, 0 or more.
        min_rows: at least 1.
        output: which of a model's outputs, or which label of one; None: the only one.
    """

    name: ClassVar[str] = "NoSegmentWorse"
    absolute: ClassVar[bool] = False

    column: str
    _: KW_ONLY
    metric: str = "auc"
    margin: float = 0.05
    min_rows: int = 200
    output: str | None = later(None)

    __repr__ = as_code

    def __post_init__(self) -> None:
        checks.text("NoSegmentWorse.column", self.column, allowed=SEGMENT_COLUMN)
        metric_named(self.metric, field="NoSegmentWorse.metric")
        checks.number("NoSegmentWorse.margin", self.margin, at_least=0)
        checks.whole("NoSegmentWorse.min_rows", self.min_rows)

    def evaluate(self, evaluated: EvaluatedRows, *, seed: int) -> Verdict:
        names = segments(self.name, self.column, evaluated)
        if evaluated.champion is None:
            return no_champion(self, evaluated)
        metric = METRICS[self.metric]
        found: dict[str, Compared] = {}
        undefined = 0
        large, small = parts(names, min_rows=self.min_rows)
        for segment, rows in large.items():
            try:
                found[segment] = compare(metric, evaluated, evaluated.champion, rows, seed=seed)
            except UndefinedMetric:
                undefined += 1
            except UnusablePredictions as error:
                return unevaluated(self, error)
        return self._verdict(metric, found, small=small, undefined=undefined)

    def _verdict(self, metric: Metric, found: dict[str, Compared], *, small: int, undefined: int) -> Verdict:
        aside = left_out(small, self.min_rows, undefined, self.metric)
        numbers = {
            "segments_judged": float(len(found)),
            "segments_small": float(small),
            "segments_undefined": float(undefined),
            "margin": float(self.margin),
        }
        if not found:
            message = f"not applicable: no segment of {self.column} could be compared{aside}"
            return Verdict(gate=repr(self), passed=None, message=message, numbers=numbers)
        for segment, compared in found.items():
            numbers |= compared.numbers(segment)
        worst = min(found, key=lambda segment: metric.improvement(found[segment].delta))
        rejected = [
            segment
            for segment, compared in found.items()
            if metric.improvement(compared.delta) < -self.margin - ROUNDING
        ]
        least = found[worst]
        d = decimals_apart((least.candidate, least.champion), (abs(least.delta), self.margin))
        fall = (
            f"{self.metric} from {plain(least.champion, d)} to {plain(least.candidate, d)} "
            f"({least.message(d)}) for {self.column} {worst}"
        )
        margin = plain(self.margin, d)
        if rejected:
            message = (
                f"{len(rejected)} of {len(found)} segments of {self.column} got worse by more than the "
                f"margin of {margin} ({', '.join(rejected)}); worst: {fall}{aside}"
            )
        else:
            message = (
                f"none of {len(found)} segments of {self.column} got worse by more than the margin "
                f"of {margin}; least good: {fall}{aside}"
            )
        return Verdict(gate=repr(self), passed=not rejected, message=message, numbers=numbers)
