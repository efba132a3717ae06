"""How gates ask: a metric of some rows, two models side by side, and the verdict where there is no answer."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Protocol

import numpy as np

from ckpt_ops.errors import BadInput
from ckpt_ops.evaluation.bootstrap import Difference, paired_bootstrap
from ckpt_ops.evaluation.columns import Text
from ckpt_ops.evaluation.errors import UndefinedMetric, UnusablePredictions
from ckpt_ops.evaluation.gates.gate import Gate
from ckpt_ops.evaluation.metrics import FloatArray, Groups, Metric, Positions
from ckpt_ops.evaluation.number_format import signed
from ckpt_ops.evaluation.past import Past
from ckpt_ops.evaluation.predictions import EvaluatedRows
from ckpt_ops.evaluation.verdicts import Verdict
from ckpt_ops.outputs import flat

ROUNDING = 1e-12
"""A difference of two metrics is not exact: a fall of the margin itself is not "more than the margin"."""

CONFIDENCE = 0.95
"""Of the intervals of parts: a gate's own rule is on the difference, the interval shows what it is worth."""


FEWEST, MOST = 200, 1_000
"""Resamples for an interval of a part."""

CELLS = 4_000_000
"""Rows times resamples beyond which fewer are drawn: many rows scatter little, and there are many parts."""


class Predicted(Protocol):
    """Labels, two models' predictions and groups: `EvaluatedRows` and `Past` alike."""

    @property
    def label(self) -> FloatArray: ...
    @property
    def candidate(self) -> FloatArray: ...
    @property
    def champion(self) -> FloatArray | None: ...
    @property
    def groups(self) -> Text | None: ...


@dataclass(frozen=True, kw_only=True)
class Compared:
    """Two models on some of the rows.

    Attributes:
        candidate, champion: the metric.
        difference: None where too few resamples have a value.
        rows: how many there were.
    """

    candidate: float
    champion: float
    difference: Difference | None
    rows: int

    @property
    def delta(self) -> float:
        """Candidate less champion, in the metric's unit."""
        return self.candidate - self.champion

    def numbers(self, part: str) -> dict[str, float]:
        """For a verdict: delta, low, high and rows of the part."""
        found = {f"delta:{part}": self.delta, f"rows:{part}": float(self.rows)}
        if self.difference is not None:
            found |= {f"low:{part}": self.difference.low, f"high:{part}": self.difference.high}
        return found

    def message(self, decimals: int) -> str:
        """`-0.012, 95 % interval -0.020 .. -0.004, 1,200 rows`."""
        interval = ""
        if self.difference is not None:
            low, high = (signed(bound, decimals) for bound in (self.difference.low, self.difference.high))
            interval = f" 95 % interval {low} .. {high},"
        return f"{signed(self.delta, decimals)},{interval} {self.rows:,} rows"


def value(metric: Metric, y: FloatArray, p: FloatArray, groups: Groups | None, whose: str) -> float:
    """The metric. Raises what it raises; the error for unusable predictions names the model."""
    try:
        return metric(y, p, groups=groups)
    except UnusablePredictions as error:
        raise UnusablePredictions(f"the {whose}'s {metric.name} has no value: {error.what}") from error


def compare(
    metric: Metric, rows: Predicted, champion: FloatArray, at: Positions | slice, *, seed: int
) -> Compared:
    """Candidate and champion on the rows `at`, by 1,000 resamples, down to 200 on many rows.

    Raises:
        UndefinedMetric, UnusablePredictions: the metric has no value for one of them.
    """
    y, one, other = rows.label[at], rows.candidate[at], champion[at]
    groups = None if rows.groups is None else rows.groups[at]
    candidate = value(metric, y, one, groups, "candidate")
    beside = value(metric, y, other, groups, "champion")
    difference: Difference | None
    try:
        difference = paired_bootstrap(
            metric,
            y,
            one,
            other,
            groups=groups,
            seed=seed,
            resamples=min(MOST, max(FEWEST, CELLS // max(1, flat(y).size))),
            confidence=CONFIDENCE,
        )
    except UndefinedMetric:
        difference = None
    return Compared(candidate=candidate, champion=beside, difference=difference, rows=len(y))


def compare_slices(
    metric: Metric, evaluated: EvaluatedRows, *, seed: int, min_rows: int
) -> dict[str, Compared]:
    """Both models on the evaluated rows of each slice, by key, where the metric has a value.

    Empty where rows are not known by slice.

    Raises:
        UnusablePredictions: the metric is not defined on a model's predictions.
    """
    if evaluated.slice is None or evaluated.champion is None:
        return {}
    found = {}
    for key, rows in parts(evaluated.slice, min_rows=min_rows)[0].items():
        try:
            found[key] = compare(metric, evaluated, evaluated.champion, rows, seed=seed)
        except UndefinedMetric:
            continue
    return found


def compare_past(metric: Metric, past: Past | None, *, seed: int, min_rows: int) -> Compared | None:
    """Both models on all rows of slices that both consumed; None where nothing can be compared.

    Raises:
        UnusablePredictions: as `compare_slices`.
    """
    if past is None or past.champion is None or past.count < min_rows:
        return None
    if past.groups is not None:
        # Two slices may have a query of the same name, whose rows were never ranked together.
        names = zip(past.slice.tolist(), past.groups.tolist(), strict=True)
        past = replace(past, groups=np.array([f"{key}/{group}" for key, group in names], dtype=np.str_))
    try:
        return compare(metric, past, _champion_of(past), slice(None), seed=seed)
    except UndefinedMetric:
        return None


def _champion_of(past: Past) -> FloatArray:
    return past.candidate if past.champion is None else past.champion


def parts(names: Text, *, min_rows: int) -> tuple[dict[str, Positions], int]:
    """The rows of each part of at least `min_rows` rows, by name, and how many parts are smaller."""
    found, membership, sizes = np.unique(names, return_inverse=True, return_counts=True)
    rows = np.split(np.argsort(membership, kind="stable"), np.cumsum(sizes)[:-1])
    large = {name: at for name, at in zip(found.tolist(), rows, strict=False) if at.size >= min_rows}
    return large, found.size - len(large)


def segments(gate: str, column: str, evaluated: EvaluatedRows) -> Text:
    """The segment of each row. `BadInput` names the columns that there are."""
    if column not in evaluated.segments:
        known = ", ".join(evaluated.segments) or "none"
        raise BadInput(f"{gate}.column", column, f"a segment column of the evaluated rows: {known}")
    return evaluated.segments[column]


def left_out(small: int, min_rows: int, undefined: int, metric: str, *, over: str = "rows") -> str:
    """The end of a message of a gate that compares parts: how many it left out, and why."""
    reasons = [
        *([f"{small} with fewer than {min_rows:,} {over}"] if small else []),
        *([f"{undefined} on which {metric} has no value"] if undefined else []),
    ]
    return f"; left out: {', '.join(reasons)}" if reasons else ""


def unevaluated(gate: Gate, error: UndefinedMetric | UnusablePredictions) -> Verdict:
    """What could not be evaluated is rejected."""
    return Verdict(gate=repr(gate), passed=False, message=f"could not be evaluated: {error.what}")


_WAY_OUT = (
    "Fix that and train again, or let a person decide: "
    "ckpt-ops promote MODEL VERSION --approve --despite-gates --why TEXT"
)


def no_champion(gate: Gate, evaluated: EvaluatedRows | Past) -> Verdict:
    """No comparison is possible: not for a first version, nor with a champion that cannot be evaluated.

    The first needs no comparison. The second is rejected: what was not compared has not passed.
    """
    if evaluated.champion_missing:
        message = f"could not be evaluated: champion {evaluated.champion_missing}. {_WAY_OUT}"
        return Verdict(gate=repr(gate), passed=False, message=message)
    message = "not applicable: this is a first version, there is no champion to compare with"
    return Verdict(gate=repr(gate), passed=None, message=message)
