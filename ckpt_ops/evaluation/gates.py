"""Gates: small values that pass or refuse a candidate, and say why.

A gate is judged on predictions alone (`Judged`). *Absolute* gates bound the candidate's own quality; relative
ones compare it with the champion on the same rows, and do not apply to a first version. Where a metric has no
value (one class only, NaN predictions) a gate refuses: what could not be judged is never passed.
"""

from __future__ import annotations

import math
from dataclasses import KW_ONLY, dataclass
from typing import ClassVar, Protocol, runtime_checkable

import numpy as np

from ckpt_ops.errors import BadInput
from ckpt_ops.evaluation.bootstrap import Difference, paired_bootstrap
from ckpt_ops.evaluation.errors import UndefinedMetric, UnusablePredictions
from ckpt_ops.evaluation.metrics import METRICS, FloatArray, Metric, metric_named
from ckpt_ops.evaluation.predictions import Judged
from ckpt_ops.evaluation.settings import check_margin, check_number, wrong_direction
from ckpt_ops.evaluation.verdicts import Verdict
from ckpt_ops.evaluation.wording import decimals_apart, percent, plain, signed

ROUNDING = 1e-12
"""A difference of two metrics is not exact: a fall of the margin itself is not "more than the margin"."""


@runtime_checkable
class Gate(Protocol):
    """What a gate has to offer; users may write their own as frozen dataclasses."""

    @property
    def name(self) -> str:
        """The gate's kind, as summaries show it."""
        ...

    @property
    def absolute(self) -> bool:
        """Whether it bounds the candidate's own quality: a first version needs a gate that does."""
        ...

    def judge(self, judged: Judged, *, seed: int) -> Verdict:
        """Pass, refuse, or say that the gate does not apply. The same input gives the same verdict."""
        ...


@dataclass(frozen=True)
class NotWorseThan:
    """Refuses a candidate that is worse than the champion, on the same rows.

    Two rules, and either refuses:

    * the fall itself is larger than `margin`, sure or not: on few rows nothing is ever sure, and a gate that
      passes what it cannot tell would pass everything;
    * the whole interval of the difference lies on the worse side of zero, however small the fall: on many
      rows a true loss below the margin is visible, and without this rule a model could lose a little less
      than the margin with every update and slide without end.

    The interval is the two-sided paired bootstrap, so at 0.95 an equal candidate is refused by the second
    rule about once in 40. A larger `confidence` makes the second rule rarer, a larger `margin` the first.

    Args:
        champion: which version is the champion; "production" is the one.
        metric: one of `METRICS`.
        margin: in the metric's unit, 0 or more.
        confidence: of the interval, between 0 and 1.
    """

    name: ClassVar[str] = "NotWorseThan"
    absolute: ClassVar[bool] = False

    champion: str = "production"
    _: KW_ONLY
    metric: str = "auc"
    margin: float = 0.005
    confidence: float = 0.95

    def __post_init__(self) -> None:
        if self.champion != "production":
            raise BadInput("NotWorseThan.champion", self.champion, "'production'")
        metric_named(self.metric, field="NotWorseThan.metric")
        check_margin("NotWorseThan.margin", self.margin)
        confidence = check_number("NotWorseThan.confidence", self.confidence)
        if not 0 < confidence < 1:
            raise BadInput(
                "NotWorseThan.confidence", self.confidence, "a number between 0 and 1, such as 0.95"
            )

    def judge(self, judged: Judged, *, seed: int) -> Verdict:
        if judged.champion is None:
            return _no_champion(self)
        metric = METRICS[self.metric]
        try:
            candidate = _value(metric, judged.label, judged.candidate, "candidate")
            champion = _value(metric, judged.label, judged.champion, "champion")
            difference = paired_bootstrap(
                metric,
                judged.label,
                judged.candidate,
                judged.champion,
                seed=seed,
                confidence=self.confidence,
            )
        except (UndefinedMetric, UnusablePredictions) as error:
            return _unjudged(self, error)
        improvement = metric.improvement(difference.delta)
        beyond_margin = improvement < -self.margin - ROUNDING
        best_case = max(metric.improvement(difference.low), metric.improvement(difference.high))
        surely_worse = best_case < -ROUNDING
        return Verdict(
            gate=repr(self),
            passed=not beyond_margin and not surely_worse,
            words=self._words(candidate, champion, difference, improvement, beyond_margin, surely_worse),
            numbers={
                "candidate": candidate,
                "champion": champion,
                "delta": difference.delta,
                "low": difference.low,
                "high": difference.high,
                "margin": float(self.margin),
                "confidence": float(self.confidence),
                "resamples": float(difference.resamples),
            },
        )

    def _words(
        self,
        candidate: float,
        champion: float,
        difference: Difference,
        improvement: float,
        beyond_margin: bool,
        surely_worse: bool,
    ) -> str:
        pairs = [(candidate, champion), (abs(difference.delta), self.margin)]
        if surely_worse:
            pairs += [(difference.low, 0.0), (difference.high, 0.0)]
        d = decimals_apart(*pairs)
        was, now = plain(champion, d), plain(candidate, d)
        if was == now:
            moved = f"{self.metric} stayed at {now}"
        else:
            moved = f"{self.metric} {'rose' if candidate > champion else 'fell'} from {was} to {now}"
        interval = (
            f"{percent(self.confidence)} interval {signed(difference.low, d)} .. {signed(difference.high, d)}"
        )
        if beyond_margin:
            ending = f", more than the margin of {plain(self.margin, d)}"
        elif surely_worse:
            ending = f": within the margin of {plain(self.margin, d)}, but the whole interval is worse"
        elif improvement < 0:
            ending = f", within the margin of {plain(self.margin, d)}"
        else:
            ending = ", not worse than the champion"
        return f"{moved} ({signed(difference.delta, d)}, {interval}){ending}"


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


@dataclass(frozen=True)
class NoSegmentWorse:
    """Refuses a candidate that is worse than the champion by more than `margin` in any one segment.

    A good average can hide a segment that got worse. Segments of fewer than `min_rows` rows, and segments on
    which the metric has no value (one class only), are left out, and the verdict says how many. The rule is
    on the difference itself, without an interval: `min_rows` is what keeps chance out. Where no segment
    could be compared, the gate does not apply.

    Args:
        column: the segment column, as the rows name it.
        metric: one of `METRICS`.
        margin: in the metric's unit, 0 or more.
        min_rows: at least 1.
    """

    name: ClassVar[str] = "NoSegmentWorse"
    absolute: ClassVar[bool] = False

    column: str
    _: KW_ONLY
    metric: str = "auc"
    margin: float = 0.05
    min_rows: int = 200

    def __post_init__(self) -> None:
        if not isinstance(self.column, str) or not self.column:
            raise BadInput("NoSegmentWorse.column", self.column, "the name of a segment column")
        metric_named(self.metric, field="NoSegmentWorse.metric")
        check_margin("NoSegmentWorse.margin", self.margin)
        if isinstance(self.min_rows, bool) or not isinstance(self.min_rows, int) or self.min_rows < 1:
            raise BadInput("NoSegmentWorse.min_rows", self.min_rows, "a whole number of at least 1")

    def judge(self, judged: Judged, *, seed: int) -> Verdict:
        if self.column not in judged.segments:
            known = ", ".join(judged.segments) or "none"
            raise BadInput(
                "NoSegmentWorse.column", self.column, f"a segment column of the judged rows: {known}"
            )
        if judged.champion is None:
            return _no_champion(self)
        metric = METRICS[self.metric]
        found: dict[str, tuple[float, float]] = {}
        small = undefined = 0
        names, membership, sizes = np.unique(
            judged.segments[self.column], return_inverse=True, return_counts=True
        )
        for position, (segment, size) in enumerate(zip(names.tolist(), sizes.tolist(), strict=True)):
            if size < self.min_rows:
                small += 1
                continue
            rows = membership == position
            try:
                candidate = _value(metric, judged.label[rows], judged.candidate[rows], "candidate")
                champion = _value(metric, judged.label[rows], judged.champion[rows], "champion")
            except UndefinedMetric:
                undefined += 1
            except UnusablePredictions as error:
                return _unjudged(self, error)
            else:
                found[segment] = (candidate, champion)
        return self._verdict(metric, found, small=small, undefined=undefined)

    def _verdict(
        self, metric: Metric, found: dict[str, tuple[float, float]], *, small: int, undefined: int
    ) -> Verdict:
        left_out = [
            *([f"{small} with fewer than {self.min_rows:,} rows"] if small else []),
            *([f"{undefined} on which {self.metric} has no value"] if undefined else []),
        ]
        aside = f"; left out: {', '.join(left_out)}" if left_out else ""
        numbers = {
            "segments_judged": float(len(found)),
            "segments_small": float(small),
            "segments_undefined": float(undefined),
            "margin": float(self.margin),
        }
        if not found:
            words = f"not applicable: no segment of {self.column} could be compared{aside}"
            return Verdict(gate=repr(self), passed=None, words=words, numbers=numbers)
        numbers |= {f"delta:{segment}": one - other for segment, (one, other) in found.items()}
        worst = min(found, key=lambda segment: metric.improvement(found[segment][0] - found[segment][1]))
        candidate, champion = found[worst]
        delta = candidate - champion
        refused = [
            segment
            for segment, (one, other) in found.items()
            if metric.improvement(one - other) < -self.margin - ROUNDING
        ]
        d = decimals_apart((candidate, champion), (abs(delta), self.margin))
        fall = (
            f"{self.metric} from {plain(champion, d)} to {plain(candidate, d)} ({signed(delta, d)}) "
            f"for {self.column} {worst}"
        )
        margin = plain(self.margin, d)
        if refused:
            words = (
                f"{len(refused)} of {len(found)} segments of {self.column} got worse by more than the margin "
                f"of {margin} ({', '.join(refused)}); worst: {fall}{aside}"
            )
        else:
            words = (
                f"none of {len(found)} segments of {self.column} got worse by more than the margin "
                f"of {margin}; least good: {fall}{aside}"
            )
        return Verdict(gate=repr(self), passed=not refused, words=words, numbers=numbers)


@dataclass(frozen=True)
class Servable:
    """Refuses a candidate whose export does not predict what the trained model predicts.

    Reads what the training process found when it loaded the export in a fresh process. It says nothing about
    quality, so it is not the absolute gate that a first version needs.

    Args:
        tolerance: largest allowed |exported - trained| prediction.
    """

    name: ClassVar[str] = "Servable"
    absolute: ClassVar[bool] = False

    _: KW_ONLY
    tolerance: float = 1e-6

    def __post_init__(self) -> None:
        check_margin("Servable.tolerance", self.tolerance)

    def judge(self, judged: Judged, *, seed: int) -> Verdict:
        check = judged.servable
        if check is None:
            return Verdict(gate=repr(self), passed=False, words="export was not checked")
        numbers = {"rows": float(check.rows), "tolerance": float(self.tolerance)}
        difference = check.max_abs_difference
        if difference is not None and math.isfinite(difference):
            numbers["max_abs_difference"] = difference
        if check.error is not None:
            passed, words = False, f"the exported model failed: {check.error}"
        elif check.rows < 1 or difference is None:
            passed, words = False, "export was not checked: no predictions were compared"
        elif not math.isfinite(difference):
            passed, words = False, "the exported model's predictions are not numbers where the model's are"
        elif difference > self.tolerance:
            passed, words = (
                False,
                f"the exported model's predictions differ by up to {difference:.2g} on {check.rows:,} rows, "
                f"more than {self.tolerance:.2g}",
            )
        else:
            passed, words = (
                True,
                f"the exported model's predictions equal the model's within {self.tolerance:.2g} "
                f"on {check.rows:,} rows",
            )
        return Verdict(gate=repr(self), passed=passed, words=words, numbers=numbers)


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
        value = _value(METRICS[metric], judged.label, judged.candidate, "candidate")
    except (UndefinedMetric, UnusablePredictions) as error:
        return _unjudged(gate, error)
    passed = value >= threshold if at_least else value <= threshold
    d = decimals_apart((value, threshold))
    words = f"{metric} {plain(value, d)} {holds[0] if passed else holds[1]} {plain(threshold, d)}"
    numbers = {"candidate": value, "threshold": float(threshold)}
    return Verdict(gate=repr(gate), passed=passed, words=words, numbers=numbers)


def _value(metric: Metric, y: FloatArray, p: FloatArray, whose: str) -> float:
    try:
        return metric(y, p)
    except UnusablePredictions as error:
        raise UnusablePredictions(f"the {whose}'s {metric.name} has no value: {error.what}") from error


def _unjudged(gate: Gate, error: UndefinedMetric | UnusablePredictions) -> Verdict:
    return Verdict(gate=repr(gate), passed=False, words=f"could not be judged: {error.what}")


def _no_champion(gate: Gate) -> Verdict:
    words = "not applicable: this is a first version, there is no champion to compare with"
    return Verdict(gate=repr(gate), passed=None, words=words)
