"""Faults of a candidate that no metric shows, each called by its name.

A model that ignores its inputs may pass a low bound, and one that learned nothing is never worse than its
champion. Both are found from predictions.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from ckpt_ops import outputs
from ckpt_ops.evaluation.metrics import FloatArray
from ckpt_ops.evaluation.predictions import EvaluatedRows
from ckpt_ops.evaluation.verdicts import Verdict

_ROUNDING = 1e-6
"""For predictions up to 1, and that share of larger ones: what `Servable` allows in float32."""

_DISTINCT = 8
"""Two models that predict only a few values, such as 0 and 1, may agree on all rows by being right."""


@dataclass(frozen=True)
class NotConstant:
    """Rejects a candidate that predicts the same for every row, although at least two rows differ."""

    name: ClassVar[str] = "NotConstant"
    absolute: ClassVar[bool] = False
    on_quality: ClassVar[bool] = False  # no slice is to blame

    def evaluate(self, evaluated: EvaluatedRows, *, seed: int) -> Verdict:
        count = evaluated.count
        differ = count > 1 and _differ(evaluated)
        constant = {
            name: found[0]
            for name, found in _of_outputs(evaluated.candidate)
            if differ and len(found) and (found == found[:1]).all()
        }
        same = ", ".join(
            f"{_plain(one)}{f' as output {name}' if name else ''}" for name, one in constant.items()
        )
        message = f"predicts {same} for each of {count:,} rows" if constant else "predictions differ"
        if constant:
            message += ": it ignores its inputs, or has saturated"
        return Verdict(gate=repr(self), passed=not constant, message=message, numbers={"rows": float(count)})


@dataclass(frozen=True)
class NotTheChampion:
    """Rejects a candidate that predicts what its champion predicts: it learned nothing.

    Up to rounding: the champion's export predicts, and the candidate's model, and the two may add the
    same numbers in a different order.
    """

    name: ClassVar[str] = "NotTheChampion"
    absolute: ClassVar[bool] = False
    on_quality: ClassVar[bool] = False  # no slice is to blame

    def evaluate(self, evaluated: EvaluatedRows, *, seed: int) -> Verdict:
        candidate, champion = evaluated.candidate, evaluated.champion
        numbers = {"rows": float(evaluated.count)}
        if champion is None:
            return Verdict(gate=repr(self), passed=None, message="there is no champion", numbers=numbers)
        pairs = zip(_of_outputs(candidate), _of_outputs(champion), strict=True)
        same = all(
            bool((np.abs(ours - theirs) <= _ROUNDING * np.maximum(1, np.abs(theirs))).all())
            and np.unique(theirs).size >= _DISTINCT
            for (_, ours), (_, theirs) in pairs
        )
        message = "predictions are not the champion's"
        if same:
            message = f"predicts the same as its champion on all {evaluated.count:,} rows: it learned nothing"
        return Verdict(gate=repr(self), passed=not same, message=message, numbers=numbers)


def rejected_by_sanity(evaluated: EvaluatedRows) -> tuple[NotConstant | NotTheChampion, ...]:
    """The ones of these two that reject the candidate, to run beside the pipeline's own gates."""
    checks = (NotConstant(), NotTheChampion())
    return tuple(check for check in checks if check.evaluate(evaluated, seed=0).passed is False)


def _differ(evaluated: EvaluatedRows) -> bool:
    """Whether the rows differ, as far as is known here."""
    known = (*(found for _, found in _of_outputs(evaluated.label)), *evaluated.segments.values())
    return any(bool((column != column[:1]).any()) for column in known)


def _of_outputs(array: FloatArray) -> list[tuple[str, FloatArray]]:
    """By name, the numbers of each output; those of all positions where it has such."""
    return [(name, outputs.flat(one)) for name, one in outputs.each(array).items()]


def _plain(prediction: object) -> str:
    value = np.asarray(prediction)
    return (
        f"{value:.4g}"
        if value.ndim == 0
        else np.array2string(value, precision=4, separator=", ", threshold=6)
    )
