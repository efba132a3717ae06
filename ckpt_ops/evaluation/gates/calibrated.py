"""The gate on probabilities: do they hold as frequencies?"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from ckpt_ops import checks
from ckpt_ops.evaluation.errors import UndefinedMetric, UnusablePredictions
from ckpt_ops.evaluation.gates.asking import unevaluated
from ckpt_ops.evaluation.metrics import calibration_bins, expected_error
from ckpt_ops.evaluation.number_format import decimals_apart, plain
from ckpt_ops.evaluation.predictions import EvaluatedRows
from ckpt_ops.evaluation.verdicts import Verdict
from ckpt_ops.values import as_code, later
from ckpt_ops.wire_names import wire


@wire("Calibrated")
@dataclass(frozen=True, kw_only=True)
class Calibrated:
    """Rejects a candidate whose expected calibration error is above `at_most`. For labels 0 or 1.

    Of the rows that get a probability of 0.3, three in ten should be positive; see the metric `ece`. A model
    can be calibrated and useless (one answer for all: the share of positives), so add a gate on quality
    beside it. Chance alone makes the error about sqrt(bins / rows) / 3: 0.024 on 2,000 rows in 10 bins.

    Args:
        at_most: above 0, at most 1.
        bins: of equal numbers of rows, at least 1.
        output: which of a model's outputs, or which label of one; None: the only one.
    """

    name: ClassVar[str] = "Calibrated"
    one_label: ClassVar[bool] = True
    absolute: ClassVar[bool] = True

    at_most: float = 0.05
    bins: int = 10
    output: str | None = later(None)

    __repr__ = as_code

    def __post_init__(self) -> None:
        checks.number("Calibrated.at_most", self.at_most, above=0, at_most=1)
        checks.whole("Calibrated.bins", self.bins)

    def evaluate(self, evaluated: EvaluatedRows, *, seed: int) -> Verdict:
        evaluated = evaluated.by_position()
        try:
            bins = calibration_bins(evaluated.label, evaluated.candidate, bins=self.bins)
        except UnusablePredictions as error:
            named = UnusablePredictions(f"the candidate's ece has no value: {error.what}")
            return unevaluated(self, named)
        except UndefinedMetric as error:
            return unevaluated(self, error)
        found, worst = expected_error(bins), max(bins, key=lambda one: abs(one.gap))
        passed = found <= self.at_most
        d = decimals_apart((found, self.at_most))
        w = decimals_apart((worst.predicted, worst.observed))
        message = (
            f"ece {plain(found, d)} is {'at most' if passed else 'above'} {plain(self.at_most, d)} on "
            f"{evaluated.count:,} rows in {len(bins)} bins; worst bin: "
            f"predicted {plain(worst.predicted, w)}, observed {plain(worst.observed, w)} "
            f"on {worst.rows:,} rows of {plain(worst.low)} .. {plain(worst.high)}"
        )
        numbers = {
            "ece": found,
            "at_most": float(self.at_most),
            "bins": float(len(bins)),
            "rows": float(evaluated.count),
            "worst_predicted": worst.predicted,
            "worst_observed": worst.observed,
            "worst_rows": float(worst.rows),
            "worst_low": worst.low,
            "worst_high": worst.high,
        }
        return Verdict(gate=repr(self), passed=passed, message=message, numbers=numbers)
