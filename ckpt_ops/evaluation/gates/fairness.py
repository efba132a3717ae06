"""The gates across the segments of a column: is the candidate as good, or as often positive, for all?

They look at the candidate alone and do not measure how good it is: a model that is equally bad for all is
fair. So neither is the absolute gate that a first version needs, though both apply to one.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import KW_ONLY, dataclass
from types import MappingProxyType
from typing import ClassVar

import numpy as np

from ckpt_ops import checks
from ckpt_ops.errors import BadInput
from ckpt_ops.evaluation.errors import UndefinedMetric, UnusablePredictions
from ckpt_ops.evaluation.gates.asking import ROUNDING, left_out, parts, segments, unevaluated, value
from ckpt_ops.evaluation.metrics import METRICS, Needs, Positions, checked, metric_named
from ckpt_ops.evaluation.number_format import decimals_apart, plain
from ckpt_ops.evaluation.predictions import EvaluatedRows
from ckpt_ops.evaluation.settings import SEGMENT_COLUMN
from ckpt_ops.evaluation.verdicts import Verdict
from ckpt_ops.values import as_code, later
from ckpt_ops.wire_names import wire

LABEL_OF: Mapping[str, int | None] = MappingProxyType(
    {"positive": None, "true_positive": 1, "false_positive": 0}
)
"""The label of the rows that each rate is taken over; None: all rows."""


@wire("FairAcross")
@dataclass(frozen=True)
class FairAcross:
    """Rejects a candidate whose metric differs by more than `max_gap` between two segments of a column.

    Equal quality: the best segment against the worst, of those with at least `min_rows` rows on which the
    metric has a value; the verdict counts those left out. With fewer than two it does not apply. The
    gap of a perfectly fair model is not 0 on few rows, and grows with the number of segments.

    Args:
        column: the segment column, as the rows name it.
        metric: one of `METRICS`.
        max_gap: in the metric's unit, above 0.
        min_rows: at least 1.
        output: which of a model's outputs, or which label of one; None: the only one.
    """

    name: ClassVar[str] = "FairAcross"
    absolute: ClassVar[bool] = False

    column: str
    _: KW_ONLY
    metric: str = "auc"
    max_gap: float = 0.1
    min_rows: int = 200
    output: str | None = later(None)

    __repr__ = as_code

    def __post_init__(self) -> None:
        checks.text("FairAcross.column", self.column, allowed=SEGMENT_COLUMN)
        metric_named(self.metric, field="FairAcross.metric")
        checks.number("FairAcross.max_gap", self.max_gap, above=0)
        checks.whole("FairAcross.min_rows", self.min_rows)

    def evaluate(self, evaluated: EvaluatedRows, *, seed: int) -> Verdict:
        metric = METRICS[self.metric]
        names = segments(self.name, self.column, evaluated)

        def of(rows: Positions) -> float:
            groups = None if evaluated.groups is None else evaluated.groups[rows]
            return value(metric, evaluated.label[rows], evaluated.candidate[rows], groups, "candidate")

        large, small = parts(names, min_rows=self.min_rows)
        return _gap(self, of, large, small, what=self.metric, over="rows")


@wire("FairRates")
@dataclass(frozen=True)
class FairRates:
    """Rejects a candidate whose rate of yes differs by more than `max_gap` between two segments of a column.

    * "positive": of all rows (demographic parity; Calders & Verwer 2010, "Three naive Bayes approaches for
      discrimination-free classification").
    * "true_positive": of the rows of label 1 (equal opportunity; Hardt, Price & Srebro 2016, "Equality of
      opportunity in supervised learning").
    * "false_positive": of the rows of label 0; with "true_positive" in a second gate: equalized odds (Hardt,
      Price & Srebro 2016).

    The highest segment against the lowest, of those with at least `min_rows` of the rows that the rate is
    over; the verdict counts those left out. With fewer than two it does not apply.

    Args:
        column: the segment column, as the rows name it.
        rate: "positive", "true_positive" or "false_positive".
        threshold: the model predicts yes at or above it.
        max_gap: a difference of two shares: above 0, at most 1.
        min_rows: at least 1.
        output: which of a model's outputs, or which label of one; None: the only one.
    """

    name: ClassVar[str] = "FairRates"
    one_label: ClassVar[bool] = True
    absolute: ClassVar[bool] = False

    column: str
    _: KW_ONLY
    rate: str = "positive"
    threshold: float = 0.5
    max_gap: float = 0.1
    min_rows: int = 200
    output: str | None = later(None)

    __repr__ = as_code

    def __post_init__(self) -> None:
        checks.text("FairRates.column", self.column, allowed=SEGMENT_COLUMN)
        if self.rate not in LABEL_OF:
            raise BadInput("FairRates.rate", self.rate, f"one of {', '.join(LABEL_OF)}")
        checks.number("FairRates.threshold", self.threshold)
        checks.number("FairRates.max_gap", self.max_gap, above=0, at_most=1)
        checks.whole("FairRates.min_rows", self.min_rows)

    def evaluate(self, evaluated: EvaluatedRows, *, seed: int) -> Verdict:
        evaluated = evaluated.by_position()
        names = segments(self.name, self.column, evaluated)
        what = f"{self.rate} rate"
        try:
            y, p = checked(what, Needs.SCORES, evaluated.label, evaluated.candidate)
        except UnusablePredictions as error:
            return unevaluated(
                self, UnusablePredictions(f"the candidate's {what} has no value: {error.what}")
            )
        except UndefinedMetric as error:
            return unevaluated(self, error)
        label = LABEL_OF[self.rate]
        counted = np.arange(y.size) if label is None else np.flatnonzero(y == label)
        large, _ = parts(names[counted], min_rows=self.min_rows)
        small = np.unique(names).size - len(large)  # a segment may have no row at all of that label

        def of(rows: Positions) -> float:
            return float(np.mean(p[counted[rows]] >= self.threshold))

        over = "rows" if label is None else f"rows of label {label}"
        return _gap(self, of, large, small, what=what, over=over)


def _gap(
    gate: FairAcross | FairRates,
    of: Callable[[Positions], float],
    large: Mapping[str, Positions],
    small: int,
    *,
    what: str,
    over: str,
) -> Verdict:
    """The largest difference of `of` between two segments, beside the gate's `max_gap`."""
    found: dict[str, float] = {}
    undefined = 0
    for segment, rows in large.items():
        try:
            found[segment] = of(rows)
        except UndefinedMetric:
            undefined += 1
        except UnusablePredictions as error:
            return unevaluated(gate, error)
    aside = left_out(small, gate.min_rows, undefined, what, over=over)
    numbers = {
        "segments_judged": float(len(found)),
        "segments_small": float(small),
        "segments_undefined": float(undefined),
        "max_gap": float(gate.max_gap),
    }
    if undefined and not found:
        message = f"could not be evaluated: {what} has no value on any segment of {gate.column}{aside}"
        return Verdict(gate=repr(gate), passed=False, message=message, numbers=numbers)
    if len(found) < 2:
        message = f"not applicable: fewer than two segments of {gate.column} could be compared{aside}"
        return Verdict(gate=repr(gate), passed=None, message=message, numbers=numbers)
    low, high = min(found, key=found.__getitem__), max(found, key=found.__getitem__)
    gap = found[high] - found[low]
    numbers |= {"gap": gap}
    for segment, number in found.items():
        numbers |= {f"value:{segment}": number, f"rows:{segment}": float(large[segment].size)}
    passed = gap <= gate.max_gap + ROUNDING
    d = decimals_apart((gap, gate.max_gap), (found[low], found[high]))
    message = (
        f"{what} differs by {plain(gap, d)} between {len(found)} segments of {gate.column}, "
        f"{'at most' if passed else 'more than'} {plain(gate.max_gap, d)}: "
        f"{plain(found[high], d)} for {high} ({large[high].size:,} {over}), "
        f"{plain(found[low], d)} for {low} ({large[low].size:,} {over}){aside}"
    )
    return Verdict(gate=repr(gate), passed=passed, message=message, numbers=numbers)
