"""The gates on the candidate's own quality, with or without a champion.

A bound that is a floor at all times rejects the better of two: in a week of storms the candidate reaches
.594, the champion that would serve on .568, and the floor is .600. So by default a later version may miss it
where the champion misses it too and the candidate is surely better. The verdict reports that production
misses it.
"""

from __future__ import annotations

from dataclasses import KW_ONLY, dataclass
from enum import Enum
from typing import ClassVar

from ckpt_ops import checks
from ckpt_ops.evaluation.bootstrap import paired_bootstrap
from ckpt_ops.evaluation.errors import UndefinedMetric, UnusablePredictions
from ckpt_ops.evaluation.gates.asking import CONFIDENCE, ROUNDING, unevaluated, value
from ckpt_ops.evaluation.metrics import METRICS, Metric, metric_named
from ckpt_ops.evaluation.number_format import decimals_apart, percent, plain, signed
from ckpt_ops.evaluation.predictions import EvaluatedRows
from ckpt_ops.evaluation.settings import wrong_direction
from ckpt_ops.evaluation.verdicts import Verdict
from ckpt_ops.values import as_code, later
from ckpt_ops.wire_names import wire


@wire("Floor")
class Floor(Enum):
    """When a bound on quality applies. A first version always has to meet it."""

    OR_BETTER = "or better than the champion"
    ALWAYS = "always"

    def __repr__(self) -> str:  # as code writes it: a gate's text is kept
        return f"{type(self).__name__}.{self.name}"


@wire("AtLeast")
@dataclass(frozen=True)
class AtLeast:
    """Rejects a candidate whose metric is below `threshold`. For metrics where higher is better.

    Args:
        metric: one of `METRICS`.
        threshold: in the metric's unit.
        floor: `Floor.OR_BETTER` passes a candidate that misses it where the champion misses it too, on the
            same rows, and the candidate is surely better (the whole 95 % interval); `Floor.ALWAYS` does not.
        output: which of a model's outputs, or which label of one; None: the only one.
    """

    name: ClassVar[str] = "AtLeast"
    absolute: ClassVar[bool] = True

    metric: str
    threshold: float
    _: KW_ONLY
    floor: Floor = Floor.OR_BETTER
    output: str | None = later(None)

    __repr__ = as_code

    def __post_init__(self) -> None:
        if not metric_named(self.metric, field="AtLeast.metric").higher_is_better:
            raise wrong_direction("AtLeast", self.metric, "AtMost", higher=True)
        checks.number("AtLeast.threshold", self.threshold)
        checks.member("AtLeast.floor", self.floor, Floor)

    def evaluate(self, evaluated: EvaluatedRows, *, seed: int) -> Verdict:
        return _bounded(self, evaluated, seed=seed, holds=("is at least", "is below"))


@wire("AtMost")
@dataclass(frozen=True)
class AtMost:
    """Rejects a candidate whose metric is above `threshold`. For metrics where lower is better.

    Args: as `AtLeast` takes them.
    """

    name: ClassVar[str] = "AtMost"
    absolute: ClassVar[bool] = True

    metric: str
    threshold: float
    _: KW_ONLY
    floor: Floor = Floor.OR_BETTER
    output: str | None = later(None)

    __repr__ = as_code

    def __post_init__(self) -> None:
        if metric_named(self.metric, field="AtMost.metric").higher_is_better:
            raise wrong_direction("AtMost", self.metric, "AtLeast", higher=False)
        checks.number("AtMost.threshold", self.threshold)
        checks.member("AtMost.floor", self.floor, Floor)

    def evaluate(self, evaluated: EvaluatedRows, *, seed: int) -> Verdict:
        return _bounded(self, evaluated, seed=seed, holds=("is at most", "is above"))


def _bounded(
    gate: AtLeast | AtMost, evaluated: EvaluatedRows, *, seed: int, holds: tuple[str, str]
) -> Verdict:
    metric, threshold = METRICS[gate.metric], gate.threshold
    try:
        found = value(metric, evaluated.label, evaluated.candidate, evaluated.groups, "candidate")
    except (UndefinedMetric, UnusablePredictions) as error:
        return unevaluated(gate, error)
    numbers = {"candidate": found, "threshold": float(threshold), "rows": float(evaluated.count)}
    champion = _of_champion(metric, evaluated)
    below: dict[str, str] = {}
    if champion is not None:
        numbers["champion"] = champion
        if metric.improvement(champion - threshold) < 0:
            below["champion"] = _message(gate, champion, holds[1], evaluated.count)
    if metric.improvement(found - threshold) >= 0:
        message = _message(gate, found, holds[0], evaluated.count)
        return Verdict(gate=repr(gate), passed=True, message=message, numbers=numbers, below_floor=below)
    message = _message(gate, found, holds[1], evaluated.count)
    below["candidate"] = message
    passed = False
    if gate.floor is Floor.OR_BETTER and champion is not None and "champion" in below:
        passed, beside = _beside(metric, evaluated, champion, seed=seed)
        message = f"{message}, {beside}"
    return Verdict(gate=repr(gate), passed=passed, message=message, numbers=numbers, below_floor=below)


def _of_champion(metric: Metric, evaluated: EvaluatedRows) -> float | None:
    """None where there is no champion, or the metric is not defined on its predictions."""
    if evaluated.champion is None:
        return None
    try:
        return metric(evaluated.label, evaluated.champion, groups=evaluated.groups)
    except (UndefinedMetric, UnusablePredictions):
        return None


def _beside(metric: Metric, evaluated: EvaluatedRows, champion: float, *, seed: int) -> tuple[bool, str]:
    """Whether the candidate is surely better than the champion that would serve on, and a message."""
    if evaluated.champion is None:
        return False, ""
    d = decimals_apart((champion, metric(evaluated.label, evaluated.candidate, groups=evaluated.groups)))
    try:
        difference = paired_bootstrap(
            metric,
            evaluated.label,
            evaluated.candidate,
            evaluated.champion,
            groups=evaluated.groups,
            seed=seed,
            confidence=CONFIDENCE,
        )
    except UndefinedMetric:
        return False, f"and the champion has {plain(champion, d)}; which is better cannot be told"
    ends = (metric.improvement(difference.low), metric.improvement(difference.high))
    interval = (
        f"{percent(CONFIDENCE)} interval of the difference {signed(difference.low, d)} .. "
        f"{signed(difference.high, d)}"
    )
    if min(ends) > ROUNDING:
        return True, f"but the champion has {plain(champion, d)} there, surely worse ({interval})"
    return False, f"and the champion has {plain(champion, d)}; it is not surely better than that ({interval})"


def _message(gate: AtLeast | AtMost, found: float, side: str, rows: int) -> str:
    d = decimals_apart((found, gate.threshold))
    return f"{gate.metric} {plain(found, d)} {side} {plain(gate.threshold, d)} on {rows:,} rows"
