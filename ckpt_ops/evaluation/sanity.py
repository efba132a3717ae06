"""What is wrong with a candidate whatever its metrics say, called by its name.

A model that ignores what it is asked may pass a bound that is low, and one that learned nothing is never
worse than its champion. Both are decided on predictions, bit for bit.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from ckpt_ops.evaluation.predictions import Judged
from ckpt_ops.evaluation.verdicts import Verdict

_DISTINCT = 8
"""Two models that say nothing but a few values, such as 0 and 1, may agree on all rows by merit."""


@dataclass(frozen=True)
class NotConstant:
    """Refuses a candidate that predicts the same for every row, of which at least two differ."""

    name: ClassVar[str] = "NotConstant"
    absolute: ClassVar[bool] = False
    on_quality: ClassVar[bool] = False  # no slice is to blame

    def judge(self, judged: Judged, *, seed: int) -> Verdict:
        said, count = judged.candidate, judged.count
        constant = count > 1 and _differ(judged) and bool((said == said[:1]).all())
        words = f"predicts {_plain(said[0])} for each of {count:,} rows" if constant else "predictions differ"
        if constant:
            words += ": it ignores its inputs, or has saturated"
        return Verdict(gate=repr(self), passed=not constant, words=words, numbers={"rows": float(count)})


@dataclass(frozen=True)
class NotTheChampion:
    """Refuses a candidate that predicts exactly what its champion predicts: it learned nothing."""

    name: ClassVar[str] = "NotTheChampion"
    absolute: ClassVar[bool] = False
    on_quality: ClassVar[bool] = False  # no slice is to blame

    def judge(self, judged: Judged, *, seed: int) -> Verdict:
        champion, numbers = judged.champion, {"rows": float(judged.count)}
        if champion is None:
            return Verdict(gate=repr(self), passed=None, words="there is no champion", numbers=numbers)
        same = np.array_equal(judged.candidate, champion) and np.unique(champion).size >= _DISTINCT
        words = "predictions are not the champion's"
        if same:
            words = (
                f"predicts on all {judged.count:,} rows, to the bit, what its champion predicts: nothing was"
            )
            words += " learned"
        return Verdict(gate=repr(self), passed=not same, words=words, numbers=numbers)


def refused_by_sanity(judged: Judged) -> tuple[NotConstant | NotTheChampion, ...]:
    """Those of these two that refuse the candidate, to be asked beside the pipeline's own gates."""
    checks = (NotConstant(), NotTheChampion())
    return tuple(check for check in checks if check.judge(judged, seed=0).passed is False)


def _differ(judged: Judged) -> bool:
    """Whether the rows do, as far as that is known here."""
    known = (judged.label, *judged.segments.values())
    return any(bool((column != column[0]).any()) for column in known)


def _plain(prediction: object) -> str:
    said = np.asarray(prediction)
    return (
        f"{said:.4g}" if said.ndim == 0 else np.array2string(said, precision=4, separator=", ", threshold=6)
    )
