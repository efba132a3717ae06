"""The gate on the past: did the candidate forget what the champion knew of slices consumed before?"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import ClassVar

from ckpt_ops import checks
from ckpt_ops.evaluation.errors import UndefinedMetric, UnusablePredictions
from ckpt_ops.evaluation.gates.asking import (
    ROUNDING,
    Compared,
    compare,
    compare_past,
    left_out,
    no_champion,
    parts,
    unevaluated,
)
from ckpt_ops.evaluation.metrics import METRICS, FloatArray, Metric, metric_named
from ckpt_ops.evaluation.number_format import decimals_apart, plain
from ckpt_ops.evaluation.past import Past
from ckpt_ops.evaluation.predictions import EvaluatedRows
from ckpt_ops.evaluation.verdicts import Verdict
from ckpt_ops.values import as_code, later
from ckpt_ops.wire_names import wire


@wire("NoForgetting")
@dataclass(frozen=True, kw_only=True)
class NoForgetting:
    """Rejects a candidate that is worse than the champion on held-out rows of slices consumed before.

    Two rules, and either rejects:

    * on any one past slice of at least `min_rows` rows the fall is larger than `margin`, sure or not;
    * on all past rows together it is larger than half the margin and surely a fall: the whole 95 % interval
      of the paired bootstrap is on the worse side. A model can lose a little less than the margin on each
      slice; together there are rows enough to see that.

    A small fall, however sure, is allowed here, unlike in `NotWorseThan`: what a model gives up of the past
    is part of the price of learning what is new, and with drift it should. `margin=0` allows none that is
    sure. Where no slice was consumed before, or all have too few rows, the gate does not apply; where there
    is a champion and no rows of the past were collected, it rejects.

    Args:
        metric: one of `METRICS`.
        margin: in the metric's unit, 0 or more.
        min_rows: at least 1; a slice with fewer counts only in all rows together, if these reach it.
        slices: how many past slices rows are collected from, at least 1: the newest and some older ones.
        output: which of a model's outputs, or which label of one; None: the only one.
    """

    name: ClassVar[str] = "NoForgetting"
    absolute: ClassVar[bool] = False

    metric: str = "auc"
    margin: float = 0.02
    min_rows: int = 200
    slices: int = 8
    output: str | None = later(None)

    __repr__ = as_code

    def __post_init__(self) -> None:
        metric_named(self.metric, field="NoForgetting.metric")
        checks.number("NoForgetting.margin", self.margin, at_least=0)
        checks.whole("NoForgetting.min_rows", self.min_rows)
        checks.whole("NoForgetting.slices", self.slices)

    @property
    def past_slices(self) -> int:
        """How many past slices it needs rows of."""
        return self.slices

    def evaluate(self, evaluated: EvaluatedRows, *, seed: int) -> Verdict:
        if evaluated.champion is None:
            return no_champion(self, evaluated)
        past = evaluated.past
        if past is not None and past.champion_missing:
            return no_champion(self, past)
        if past is None or (past.count and past.champion is None):
            message = "could not be evaluated: there are no predictions on rows of slices consumed before"
            return Verdict(gate=repr(self), passed=False, message=message)
        if past.champion is None:
            past = replace(past, champion=past.candidate)  # of no rows at all
        metric = METRICS[self.metric]
        try:
            found, small, undefined = self._by_slice(metric, past, seed)
            together = compare_past(metric, past, seed=seed, min_rows=self.min_rows)
        except UnusablePredictions as error:
            return unevaluated(self, error)
        return self._verdict(metric, found, together, small=small, undefined=undefined)

    def _by_slice(self, metric: Metric, past: Past, seed: int) -> tuple[dict[str, Compared], int, int]:
        found: dict[str, Compared] = {}
        undefined = 0
        large, small = parts(past.slice, min_rows=self.min_rows)
        for key, rows in large.items():
            try:
                found[key] = compare(metric, past, _champion(past), rows, seed=seed)
            except UndefinedMetric:
                undefined += 1
        return found, small, undefined

    def _verdict(
        self,
        metric: Metric,
        found: dict[str, Compared],
        together: Compared | None,
        *,
        small: int,
        undefined: int,
    ) -> Verdict:
        aside = left_out(small, self.min_rows, undefined, self.metric)
        numbers = {
            "slices_judged": float(len(found)),
            "slices_small": float(small),
            "slices_undefined": float(undefined),
            "margin": float(self.margin),
        }
        if not found and together is None:
            if undefined:
                message = f"could not be evaluated: {self.metric} has no value on any past slice{aside}"
            else:
                message = f"not applicable: no past slice could be compared{aside}"
            return Verdict(
                gate=repr(self), passed=False if undefined else None, message=message, numbers=numbers
            )
        for key, compared in found.items():
            numbers |= compared.numbers(key)
        if together is not None:
            numbers |= {name.replace(":", "_"): one for name, one in together.numbers("together").items()}
        forgot = [
            key
            for key, compared in found.items()
            if metric.improvement(compared.delta) < -self.margin - ROUNDING
        ]
        broadly = together is not None and self._surely_fell(metric, together)
        return Verdict(
            gate=repr(self),
            passed=not forgot and not broadly,
            message=self._message(metric, found, together, forgot, broadly) + aside,
            numbers=numbers,
        )

    def _surely_fell(self, metric: Metric, together: Compared) -> bool:
        difference = together.difference
        if difference is None or metric.improvement(together.delta) >= -self.margin / 2 - ROUNDING:
            return False
        return max(metric.improvement(difference.low), metric.improvement(difference.high)) < -ROUNDING

    def _message(
        self,
        metric: Metric,
        found: dict[str, Compared],
        together: Compared | None,
        forgot: list[str],
        broadly: bool,
    ) -> str:
        sentences: list[str] = []
        if found:
            worst = min(found, key=lambda key: metric.improvement(found[key].delta))
            least = found[worst]
            d = decimals_apart((least.candidate, least.champion), (abs(least.delta), self.margin))
            fall = (
                f"{self.metric} from {plain(least.champion, d)} to {plain(least.candidate, d)} "
                f"({least.message(d)}) on {worst}"
            )
            which = f" ({', '.join(forgot)}); worst" if forgot else "; least good"
            sentences.append(
                f"{len(forgot) if forgot else 'none'} of {len(found)} past slices got worse by more than the "
                f"margin of {plain(self.margin, d)}{which}: {fall}"
            )
        if together is not None:
            half = self.margin / 2
            d = decimals_apart((abs(together.delta), half))
            rule = f", surely a fall of more than half the margin, {plain(half, d)}" if broadly else ""
            sentences.append(f"all past rows together: {together.message(d)}{rule}")
        return "; ".join(sentences)


def _champion(past: Past) -> FloatArray:
    return past.candidate if past.champion is None else past.champion
