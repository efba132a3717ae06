"""The gate on each slice that a candidate trained on: is there anything in it to learn?

A poisoned slice pulls the champion's score down as a storm does: a low score alone proves nothing. The two
are told apart by whether training on a part of the slice helps on the rest of it. What is real can be
learned, and on held-out rows of its own slice a candidate is better than the champion, nearly always and by
much. Shuffled labels cannot. That advantage is no evidence of a gain, but its absence is evidence of poison.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from ckpt_ops import checks
from ckpt_ops.evaluation.bootstrap import Difference, paired_bootstrap, standard_error
from ckpt_ops.evaluation.columns import Text
from ckpt_ops.evaluation.errors import UndefinedMetric, UnusablePredictions
from ckpt_ops.evaluation.gates.asking import ROUNDING, parts
from ckpt_ops.evaluation.metrics import METRICS, FloatArray, Metric, Positions, metric_named
from ckpt_ops.evaluation.number_format import plain, signed
from ckpt_ops.evaluation.predictions import EvaluatedRows
from ckpt_ops.evaluation.verdicts import Verdict
from ckpt_ops.lists import cells_of, is_cells, lengths_of
from ckpt_ops.outputs import flat
from ckpt_ops.values import as_code, later
from ckpt_ops.wire_names import wire

ONE_SIDED = 0.90
"""Two-sided: the lower end is one-sided at 95 %."""

CHANCE = 0.001
"""How often labels that are all the same may be chance before they are called suspect."""

FEWEST = 4
"""How many earlier scores it takes to know their own scatter."""

_TO_SIGMA = 1.4826
"""Times the median absolute deviation: the standard deviation, were it normal."""


@wire("NoSuspectSlice")
@dataclass(frozen=True, kw_only=True)
class NoSuspectSlice:
    """Rejects a candidate that trained on a slice in which there is nothing to learn.

    Three rules, slice by slice, on the held-out rows of each slice of at least `min_rows` of them:

    * the champion's metric is low, by more than `deviations` of what it scored on earlier slices before
      anything trained on them, **and** the candidate is not surely better (one-sided, 95 %);
    * the champion's metric is low, **and** surely worse than that of a constant, the mean label of slices
      consumed before: inverted labels can be learned, and are the opposite of all that came before;
    * all labels are the same, which happens by chance one time in a thousand at most, by the shares of
      labels elsewhere.

    How low is measured from the median of the earlier scores, in their median absolute deviation scaled to a
    standard deviation, or in the sampling error on these rows where that is larger. With fewer than four
    earlier scores the sampling error alone counts. A slice that a person released is not checked.

    The slices that it names are *suspect*: after the rejection the next candidate is trained without them.
    Where it names none, slices with a low score are named when any other gate on quality rejects.

    It always runs, for the first metric that a gate names, whether or not a pipeline lists it.

    Args:
        metric: one of `METRICS`.
        deviations: above 0.
        min_rows: at least 1.
        output: which of a model's outputs, or which label of one; None: the only one.
    """

    name: ClassVar[str] = "NoSuspectSlice"
    absolute: ClassVar[bool] = False

    metric: str = "auc"
    deviations: float = 2.0
    min_rows: int = 200
    output: str | None = later(None)

    __repr__ = as_code

    def __post_init__(self) -> None:
        metric_named(self.metric, field="NoSuspectSlice.metric")
        checks.number("NoSuspectSlice.deviations", self.deviations, above=0)
        checks.whole("NoSuspectSlice.min_rows", self.min_rows)

    def evaluate(self, evaluated: EvaluatedRows, *, seed: int) -> Verdict:
        if evaluated.champion is None:
            message = "not applicable: there is no champion, or it could not be evaluated"
            return Verdict(gate=repr(self), passed=None, message=message)
        if evaluated.slice is None or evaluated.basis.fair:
            message = "not applicable: these rows are from no slice that the candidate trained on"
            return Verdict(gate=repr(self), passed=None, message=message)
        large, _ = parts(evaluated.slice, min_rows=self.min_rows)
        rejected: dict[str, str] = {}
        low: dict[str, str] = {}
        numbers = {"slices": float(len(large))}
        for key, rows in large.items():
            if key in evaluated.trusted:
                continue
            one_label = _one_label(evaluated, evaluated.slice, key, rows)
            if one_label is not None:
                rejected[key] = one_label
                continue
            found = self._low(evaluated, evaluated.champion, rows, seed=seed)
            if found is None:
                continue
            numbers |= found.numbers(key)
            accepted = found.helps and not found.opposite
            (low if accepted else rejected)[key] = found.message(self.metric)
        sentences = [f"slice {key}: {why}" for key, why in {**rejected, **low}.items()]
        message = "; ".join(sentences) or f"none of {len(large)} slices is low for the champion"
        return Verdict(
            gate=repr(self),
            passed=None if not large else not rejected,
            message=message if large else f"not applicable: no slice has {self.min_rows:,} evaluated rows",
            numbers=numbers,
            suspects=rejected or low,
        )

    def _low(
        self, evaluated: EvaluatedRows, champion: FloatArray, rows: Positions, *, seed: int
    ) -> _Low | None:
        """What is known of a slice on which the champion's score is low; None where it is not."""
        usual = evaluated.usual.get(self.metric, ())
        if not usual:
            return None
        metric = METRICS[self.metric]
        groups = None if evaluated.groups is None else evaluated.groups[rows]
        y, ours, theirs = evaluated.label[rows], evaluated.candidate[rows], champion[rows]
        try:
            score = metric(y, theirs, groups=groups)
            centre, scatter = _usual(usual)
            scatter = max(scatter, standard_error(metric, y, theirs, groups=groups, seed=seed))
            allowed = self.deviations * scatter
            if metric.improvement(centre - score) <= allowed:
                return None
            difference = paired_bootstrap(
                metric, y, ours, theirs, groups=groups, seed=seed, confidence=ONE_SIDED
            )
        except (UndefinedMetric, UnusablePredictions):
            return None  # the gates on quality report that
        return _Low(
            score=score,
            centre=centre,
            allowed=allowed,
            opposite=_opposite(metric, evaluated, y, theirs, groups, seed=seed),
            difference=difference,
            metric=metric,
        )


@dataclass(frozen=True, kw_only=True)
class _Low:
    score: float
    centre: float
    allowed: float
    opposite: bool
    difference: Difference
    metric: Metric

    @property
    def helps(self) -> bool:
        """Training on a part of the slice surely helps on the rest of it."""
        ends = (self.difference.low, self.difference.high)
        return min(map(self.metric.improvement, ends)) > ROUNDING

    def numbers(self, key: str) -> dict[str, float]:
        return {
            f"champion:{key}": self.score,
            f"usual:{key}": self.centre,
            f"allowed:{key}": self.allowed,
            f"delta:{key}": self.difference.delta,
            f"low:{key}": self.difference.low,
            f"high:{key}": self.difference.high,
        }

    def message(self, metric: str) -> str:
        moved = (
            f"{signed(self.difference.delta)}, 90 % interval {signed(self.difference.low)} .. "
            f"{signed(self.difference.high)}"
        )
        helps = "helps" if self.helps else "does not surely help"
        opposite = ", but a constant is surely better there than the champion" if self.opposite else ""
        return (
            f"the champion's {metric} is {plain(self.score)} there, usually {plain(self.centre)} with up to "
            f"{plain(self.allowed)} between; training on a part of the slice {helps} on the rest "
            f"({moved}){opposite}"
        )


def _opposite(
    metric: Metric,
    evaluated: EvaluatedRows,
    y: FloatArray,
    champion: FloatArray,
    groups: Text | None,
    *,
    seed: int,
) -> bool:
    """Whether a model that knows only the labels of the past is surely better than the champion."""
    past = evaluated.past
    if past is None or not past.count:
        return False
    if is_cells(y):
        nothing = cells_of(_constant(flat(past.label), flat(y), flat(champion)), lengths_of(y))
    else:
        nothing = _constant(past.label, y, champion)
    try:
        difference = paired_bootstrap(
            metric, y, nothing, champion, groups=groups, seed=seed, confidence=ONE_SIDED
        )
    except (UndefinedMetric, UnusablePredictions):
        return False
    return min(map(metric.improvement, (difference.low, difference.high))) > ROUNDING


def _constant(past: FloatArray, y: FloatArray, champion: FloatArray) -> FloatArray:
    """What a model predicts that knows only the labels of the past."""
    if y.ndim == 2:
        return np.tile(past.mean(axis=0), (len(y), 1))
    if champion.ndim == 1:
        return np.full(y.size, past.mean())
    shares = np.bincount(past.astype(np.int64), minlength=champion.shape[1])[: champion.shape[1]]
    return np.tile(shares / shares.sum(), (y.size, 1))


def _usual(scores: Sequence[float]) -> tuple[float, float]:
    """The middle of the earlier scores, and how much they scatter; 0 where they are too few to tell."""
    centre = float(np.median(scores))
    if len(scores) < FEWEST:
        return centre, 0.0
    return centre, _TO_SIGMA * float(np.median(np.abs(np.asarray(scores) - centre)))


def _one_label(evaluated: EvaluatedRows, slices: Text, key: str, rows: Positions) -> str | None:
    """Why labels that are all the same are not chance; None where they differ, or may well be chance."""
    here = flat(evaluated.label[rows])
    if not len(here) or not (here == here[0]).all():
        return None
    first = here[0]
    elsewhere = [flat(evaluated.label[slices != key])]
    if evaluated.past is not None and evaluated.past.count:
        elsewhere.append(flat(evaluated.past.label))
    others = np.concatenate(elsewhere)
    if not len(others):
        return None
    # Laplace's estimate: even where all other labels are the same, one may still differ
    alike = others == first if others.ndim == 1 else (others == first).all(axis=1)
    share = (np.count_nonzero(alike) + 1) / (len(others) + 2)
    if share**rows.size > CHANCE:
        return None
    shown = ", ".join(f"{one:g}" for one in np.atleast_1d(first))
    return f"all {rows.size:,} labels are {shown}, elsewhere {100 * share:.0f} % are"


def blamed(
    rejections: Sequence[tuple[str, bool]], suspects: Mapping[str, str], evaluated: EvaluatedRows
) -> Mapping[str, str]:
    """By key, which slices are blamed for the rejection of a candidate.

    Those that a gate calls suspect; else the one that the candidate trained on alone, when it did harm.

    Args:
        rejections: of each gate on quality that rejected, its message, and whether it compares with the
            champion.
    """
    if not rejections:
        return {}
    if suspects:
        return suspects
    alone = evaluated.consumed[0] if len(evaluated.consumed) == 1 else None
    harm = [message for message, compares in rejections if compares]
    if alone is None or alone in evaluated.trusted or not harm or evaluated.champion is None:
        return {}
    return {alone: f"a candidate that trained on it alone was rejected: {harm[0]}"}
