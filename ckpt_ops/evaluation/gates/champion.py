"""The gate on the whole: is the candidate worse than the champion?"""

from __future__ import annotations

from dataclasses import KW_ONLY, dataclass
from typing import ClassVar

from ckpt_ops.errors import BadInput
from ckpt_ops.evaluation.bootstrap import Difference, paired_bootstrap
from ckpt_ops.evaluation.errors import UndefinedMetric, UnusablePredictions
from ckpt_ops.evaluation.gates.asking import ROUNDING, no_champion, unjudged, value
from ckpt_ops.evaluation.metrics import METRICS, metric_named
from ckpt_ops.evaluation.predictions import Judged
from ckpt_ops.evaluation.settings import check_margin, check_number
from ckpt_ops.evaluation.verdicts import Verdict
from ckpt_ops.evaluation.wording import decimals_apart, percent, plain, signed


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
            return no_champion(self)
        metric = METRICS[self.metric]
        try:
            candidate = value(metric, judged.label, judged.candidate, judged.groups, "candidate")
            champion = value(metric, judged.label, judged.champion, judged.groups, "champion")
            difference = paired_bootstrap(
                metric,
                judged.label,
                judged.candidate,
                judged.champion,
                groups=judged.groups,
                seed=seed,
                confidence=self.confidence,
            )
        except (UndefinedMetric, UnusablePredictions) as error:
            return unjudged(self, error)
        improvement = metric.improvement(difference.delta)
        beyond_margin = improvement < -self.margin - ROUNDING
        best_case = max(metric.improvement(difference.low), metric.improvement(difference.high))
        surely_worse = best_case < -ROUNDING
        return Verdict(
            gate=repr(self),
            passed=not beyond_margin and not surely_worse,
            words=self._words(
                judged.count, candidate, champion, difference, improvement, beyond_margin, surely_worse
            ),
            numbers={
                "candidate": candidate,
                "champion": champion,
                "delta": difference.delta,
                "low": difference.low,
                "high": difference.high,
                "margin": float(self.margin),
                "confidence": float(self.confidence),
                "resamples": float(difference.resamples),
                "rows": float(judged.count),
            },
        )

    def _words(
        self,
        rows: int,
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
        return f"{moved} on {rows:,} rows ({signed(difference.delta, d)}, {interval}){ending}"
