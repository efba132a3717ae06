"""How a first model is trained and evaluated: chosen from the rows that were seen, each with its reason."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta

import numpy as np
import numpy.typing as npt

from ckpt_ops.evaluation.metrics import metric_named
from ckpt_ops.scaffold.literals import repr_of
from ckpt_ops.scaffold.model.label import Target, Task

BATCH = 128
HELD_OUT = 0.2
_REPLAYED = 4.0  # a pipeline's default: rows of earlier slices for each new one
_LEAST_STEPS, _MOST_STEPS = 100, 2_000
_FIRST_STEPS = 300
_FIRST_EPOCHS = 20
_EPOCHS = 2
_MARGINS = (0.005, 0.05)
_MONTH = timedelta(days=28)

Labels = npt.NDArray[np.float64]


@dataclass(frozen=True, kw_only=True)
class ChosenGate:
    """A gate as code, and why it is as it is.

    Attributes:
        uses: the name that is imported.
    """

    uses: str
    code: str
    why: str


@dataclass(frozen=True, kw_only=True)
class Bounds:
    """Of one training. See `Budget`."""

    max_steps: int
    max_epochs: int
    min_steps: int


def bounds_of(rows: Sequence[int]) -> Bounds:
    """Steps for slices of so many rows: two passes over a slice and what is replayed; more for the first.

    Args:
        rows: of each slice that was looked at, the first one first.
    """
    steps = [max(1, round(count * (1 - HELD_OUT) / BATCH)) for count in rows]
    first = min(max(_FIRST_EPOCHS * steps[0], _LEAST_STEPS), _FIRST_STEPS)
    usual = _EPOCHS * round((1 + _REPLAYED) * max(steps))
    return Bounds(
        max_steps=_rounded(min(max(usual, first), _MOST_STEPS)), max_epochs=_EPOCHS, min_steps=_rounded(first)
    )


def held_out_by(target: Target, slice_time: str, interval: timedelta) -> str:
    """Which rows evaluate a candidate, as settings of a pipeline; "": the default, a fifth at random.

    The newest rows of a slice are the fairest. But what is never trained on is never learned: only where a
    slice is a month are all hours and weekdays among the others.

    Args:
        slice_time: a timestamp that lies in its slice; "" where there is none.
    """
    if target.task is Task.RANKING:
        return f"holdout_by={repr_of(target.group)}"
    if slice_time and interval >= _MONTH:
        return f"holdout=Latest({HELD_OUT}, by={repr_of(slice_time)})"
    return ""


def gates_of(
    target: Target, label: Labels, groups: npt.NDArray[np.str_] | None, first: int
) -> list[ChosenGate]:
    """An absolute gate, whose bound a model that has learned nothing does not reach, and a relative one.

    Args:
        label: of each row as a number; NaN without one.
        groups: of a ranking, the query of each row.
        first: how many rows of the first slice have a label.
    """
    known = label[~np.isnan(label)]
    held_out = max(1, round(first * HELD_OUT))
    match target.task:
        case Task.BINARY:
            return _binary(target, known, held_out)
        case Task.CLASSES:
            return _classes(target, known, held_out)
        case Task.NUMBER:
            return _number(known, held_out)
        case Task.RANKING:
            return _ranking(label, groups)


def _binary(target: Target, label: Labels, held_out: int) -> list[ChosenGate]:
    share = float(label.mean())
    ones = max(1.0, share * held_out)
    zeros = max(1.0, held_out - ones)
    chance = math.sqrt((held_out + 1) / (12 * ones * zeros))  # of the Mann-Whitney statistic
    bound = min(0.5 + 2 * chance, 0.65)
    margin = _within(chance / 2)
    return [
        ChosenGate(
            uses="AtLeast",
            code=f'AtLeast("auc", {bound:.2f})',
            why=f"Guessing has 0.5; by chance, {held_out:,} held-out rows with {share:.1%} of "
            f"{target.classes[1]!r} give up to {0.5 + 2 * chance:.2f}.",
        ),
        _not_worse("auc", f"{margin:.3f}", "That much is chance on so few rows; a fall beyond it is harm."),
    ]


def _classes(target: Target, label: Labels, held_out: int) -> list[ChosenGate]:
    counts = np.bincount(label.astype(np.int64), minlength=len(target.classes))
    shares = counts[counts > 0] / counts.sum()
    entropy = float(-(shares * np.log(shares)).sum())
    return [
        ChosenGate(
            uses="AtMost",
            code=f'AtMost("cross_entropy", {_figures(entropy)})',
            why=f"That of the shares alone, with which the most frequent class has {shares.max():.1%}.",
        ),
        _not_worse("cross_entropy", _figures(_noise(held_out) * entropy), _of_noise(held_out)),
    ]


def _number(label: Labels, held_out: int) -> list[ChosenGate]:
    deviation = float(label.std())
    return [
        ChosenGate(
            uses="AtLeast",
            code='AtLeast("r2", 0.0)',
            why=f"The mean for every row has 0: it is off by {_figures(deviation)}, the standard deviation.",
        ),
        _not_worse("rmse", _figures(_noise(held_out) * deviation), _of_noise(held_out)),
    ]


def _ranking(label: Labels, groups: npt.NDArray[np.str_] | None) -> list[ChosenGate]:
    there = ~np.isnan(label)
    queries = None if groups is None else groups[there]
    chance = metric_named("ndcg")(label[there], np.zeros(int(there.sum())), groups=queries)
    return [
        ChosenGate(
            uses="AtLeast",
            code=f'AtLeast("ndcg", {min(chance + 0.005, 0.99):.2f})',
            why=f"Any order has {chance:.3f} on average in the rows that were seen.",
        ),
        _not_worse("ndcg", "0.010", "Less than that is noise; a fall beyond it is harm."),
    ]


def _not_worse(metric: str, margin: str, why: str) -> ChosenGate:
    return ChosenGate(uses="NotWorseThan", code=f'NotWorseThan(metric="{metric}", margin={margin})', why=why)


def _noise(held_out: int) -> float:
    """By which share of the absolute bound two models that are alike may differ on so few rows."""
    return max(0.02, 0.5 / math.sqrt(held_out))


def _of_noise(held_out: int) -> str:
    return f"{_noise(held_out):.0%} of that: models that are alike differ as much on {held_out:,} rows."


def _within(margin: float) -> float:
    return min(max(margin, _MARGINS[0]), _MARGINS[1])


def _figures(value: float) -> str:
    """Two significant digits, never rounded to nothing."""
    return repr(float(f"{value:.3g}")) if value else "0.0"


def _rounded(steps: int) -> int:
    return math.ceil(steps / 50) * 50
