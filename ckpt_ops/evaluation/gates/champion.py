"""The gate on the whole: does the candidate harm, and is it a gain?

The two are asked of different rows. Rows that favour the candidate, such as held-out ones of the very slice
that it trained on, show a gain every time: over 39 weeks of flights, 117 times of 117, by .039, where the
four weeks that followed showed .002. So a fall on them is harm, and a rise on them is no gain.
"""

from __future__ import annotations

from dataclasses import KW_ONLY, dataclass
from enum import Enum
from typing import ClassVar

from ckpt_ops import checks
from ckpt_ops.errors import BadInput
from ckpt_ops.evaluation.bootstrap import Difference, paired_bootstrap
from ckpt_ops.evaluation.errors import UndefinedMetric, UnusablePredictions
from ckpt_ops.evaluation.gates.asking import (
    ROUNDING,
    Compared,
    compare_past,
    compare_slices,
    no_champion,
    unevaluated,
    value,
)
from ckpt_ops.evaluation.metrics import METRICS, Metric, metric_named
from ckpt_ops.evaluation.number_format import decimals_apart, percent, plain, signed
from ckpt_ops.evaluation.predictions import EvaluatedRows
from ckpt_ops.evaluation.verdicts import Verdict
from ckpt_ops.values import as_code, later
from ckpt_ops.wire_names import wire

PAST_MARGIN = 4
"""The margin on slices consumed before, in margins: what a model gives up of the past is the price of
learning what is new. In 42 updates on clean weeks of flights a candidate lost .003 AUC there on average,
.016 at most."""


@wire("Unclear")
class Unclear(Enum):
    """What happens to a candidate that does no harm and cannot be told from the champion."""

    PASS = "pass"
    WAIT = "wait"

    def __repr__(self) -> str:  # as code writes it: a gate's text is kept
        return f"{type(self).__name__}.{self.name}"


@wire("NotWorseThan")
@dataclass(frozen=True)
class NotWorseThan:
    """Rejects a candidate that does harm; reports whether it is a gain, where the rows can tell.

    **Harm** is any of these, on the same rows for both models:

    * a fall by more than `margin` on the evaluated rows, sure or not: on few rows nothing is ever sure, and a
      gate that passes what it cannot tell would pass everything;
    * any fall there that is sure, the whole interval on the worse side: without this rule a model could
      lose a little less than the margin with every update and slide without end;
    * a sure fall by more than `margin` on any one of the slices that the rows come from, of at least
      `min_rows` rows: a poisoned slice pulls the champion down, too; the slices beside it do not;
    * a fall by more than `past_margin` on held-out rows of slices that both consumed, all together.

    **Gain** is a rise whose whole interval is on the better side, on rows that favour neither model: those
    of slices after both (`Pipeline(shadow=...)`). On other rows the candidate *cannot be told from the
    champion*, nor can it where the interval holds zero; `unclear` decides what follows.

    The interval is the two-sided paired bootstrap, so at 0.95 an equal candidate is rejected by the second
    rule about once in 40. A larger `confidence` makes that rarer, a larger `margin` the first rule.

    Args:
        champion: which version is the champion; only "production" is allowed.
        metric: one of `METRICS`.
        margin: in the metric's unit, 0 or more.
        confidence: of the interval, between 0 and 1.
        past_margin: in the metric's unit, 0 or more; None: four margins.
        slices: how many slices consumed before rows are collected from; 0: none, for old slices that lack
            what `examples()` takes today.
        min_rows: at least 1; a slice with fewer evaluated rows counts only in all rows together.
        unclear: `Unclear.PASS` promotes what does no harm; `Unclear.WAIT` keeps the champion, and the next
            candidate consumes the slices together with those that follow.
        output: which of a model's outputs, or which label of one; None: the only one.
    """

    name: ClassVar[str] = "NotWorseThan"
    absolute: ClassVar[bool] = False

    champion: str = "production"
    _: KW_ONLY
    metric: str = "auc"
    margin: float = 0.005
    confidence: float = 0.95
    past_margin: float | None = None
    slices: int = 8
    min_rows: int = 200
    unclear: Unclear = Unclear.PASS
    output: str | None = later(None)

    __repr__ = as_code

    def __post_init__(self) -> None:
        if self.champion != "production":
            raise BadInput("NotWorseThan.champion", self.champion, "'production'")
        metric_named(self.metric, field="NotWorseThan.metric")
        checks.number("NotWorseThan.margin", self.margin, at_least=0)
        checks.confidence("NotWorseThan.confidence", self.confidence)
        if self.past_margin is not None:
            checks.number("NotWorseThan.past_margin", self.past_margin, at_least=0)
        if self.slices != 0:
            checks.whole("NotWorseThan.slices", self.slices)
        checks.whole("NotWorseThan.min_rows", self.min_rows)
        checks.member("NotWorseThan.unclear", self.unclear, Unclear)

    @property
    def past_slices(self) -> int:
        """How many past slices it needs rows of."""
        return self.slices

    def evaluate(self, evaluated: EvaluatedRows, *, seed: int) -> Verdict:
        if evaluated.champion is None:
            return no_champion(self, evaluated)
        metric = METRICS[self.metric]
        try:
            candidate = value(metric, evaluated.label, evaluated.candidate, evaluated.groups, "candidate")
            champion = value(metric, evaluated.label, evaluated.champion, evaluated.groups, "champion")
            difference = paired_bootstrap(
                metric,
                evaluated.label,
                evaluated.candidate,
                evaluated.champion,
                groups=evaluated.groups,
                seed=seed,
                confidence=self.confidence,
            )
            on_slices = compare_slices(metric, evaluated, seed=seed, min_rows=self.min_rows)
            past = compare_past(metric, evaluated.past, seed=seed, min_rows=self.min_rows)
        except (UndefinedMetric, UnusablePredictions) as error:
            return unevaluated(self, error)
        harm = [
            *self._on_all(metric, difference),
            *self._on_a_slice(metric, on_slices),
            *self._on_the_past(metric, past),
        ]
        gains = evaluated.basis.fair and self._surely(metric, difference, better=True)
        waits = not harm and not gains and self.unclear is Unclear.WAIT
        numbers = {
            "candidate": candidate,
            "champion": champion,
            "delta": difference.delta,
            "low": difference.low,
            "high": difference.high,
            "margin": float(self.margin),
            "confidence": float(self.confidence),
            "resamples": float(difference.resamples),
            "rows": float(evaluated.count),
            "gain": float(gains),
        }
        for key, one in on_slices.items():
            numbers |= one.numbers(key)
        if past is not None:
            numbers |= {
                f"{name.partition(':')[0]}_past": number for name, number in past.numbers("past").items()
            }
        moved = self._moved(evaluated.count, candidate, champion, difference)
        return Verdict(
            gate=repr(self),
            passed=not harm and not waits,
            message=f"{moved}; {self._harm(metric, harm, past)}; {self._gain(evaluated, gains, waits)}",
            numbers=numbers,
            waits=waits,
        )

    @property
    def _past_margin(self) -> float:
        return PAST_MARGIN * self.margin if self.past_margin is None else self.past_margin

    def _on_all(self, metric: Metric, difference: Difference) -> list[str]:
        fall = -metric.improvement(difference.delta)
        margin = plain(self.margin, decimals_apart((abs(fall), self.margin)))
        if fall > self.margin + ROUNDING:
            return [f"it falls by more than the margin of {margin}"]
        if self._surely(metric, difference, better=False):
            return [f"it surely falls, though within the margin of {margin}: the whole interval is worse"]
        return []

    def _on_a_slice(self, metric: Metric, found: dict[str, Compared]) -> list[str]:
        return [
            f"on slice {key} it surely falls by more than the margin ({one.message(decimals_apart())})"
            for key, one in found.items()
            if len(found) > 1
            and metric.improvement(one.delta) < -self.margin - ROUNDING
            and one.difference is not None
            and self._surely(metric, one.difference, better=False)
        ]

    def _on_the_past(self, metric: Metric, past: Compared | None) -> list[str]:
        if past is None or metric.improvement(past.delta) >= -self._past_margin - ROUNDING:
            return []
        d = decimals_apart((abs(past.delta), self._past_margin))
        return [
            f"on slices that both consumed it falls by more than {plain(self._past_margin, d)} "
            f"({past.message(d)})"
        ]

    def _surely(self, metric: Metric, difference: Difference, *, better: bool) -> bool:
        ends = [metric.improvement(difference.low), metric.improvement(difference.high)]
        return min(ends) > ROUNDING if better else max(ends) < -ROUNDING

    def _moved(self, rows: int, candidate: float, champion: float, difference: Difference) -> str:
        pairs = [
            (candidate, champion),
            (abs(difference.delta), self.margin),
            (difference.low, 0.0),
            (difference.high, 0.0),
        ]
        d = decimals_apart(*pairs)
        was, now = plain(champion, d), plain(candidate, d)
        moved = f"{'rose' if candidate > champion else 'fell'} from {was} to {now}"
        if was == now:
            moved = f"stayed at {now}"
        interval = f"interval {signed(difference.low, d)} .. {signed(difference.high, d)}"
        return (
            f"{self.metric} {moved} on {rows:,} rows ({signed(difference.delta, d)}, "
            f"{percent(self.confidence)} {interval})"
        )

    def _harm(self, metric: Metric, harm: list[str], past: Compared | None) -> str:
        if harm:
            return f"harm: {'; '.join(harm)}"
        if past is None:
            return "harm: none seen"
        d = decimals_apart((abs(past.delta), self._past_margin))
        return f"harm: none seen, nor on slices that both consumed ({past.message(d)})"

    def _gain(self, evaluated: EvaluatedRows, gains: bool, waits: bool) -> str:
        if gains:
            return "gain: it is better on rows that favour neither model"
        why = "the interval holds zero" if evaluated.basis.fair else "these rows favour it"
        after = "; it waits for more slices" if waits else ""
        return f"gain: it cannot be told from the champion, as {why}{after}"
