"""How far a converted model is from the original, over rows that arrive part by part."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from ckpt_ops.outputs import flat, names_of, same_form

THRESHOLD = 0.5


@dataclass(frozen=True, kw_only=True)
class Compared:
    """What was found so far; add parts with `and_then`.

    Attributes:
        rows: how many were compared.
        max_abs_difference: the largest between two predictions; infinite where one of them is not a number,
            or their shapes differ.
        decided: rows, or positions of them, on which both decide yes or no (at 0.5), or choose one of k.
        equal: of them, those where they agree.
    """

    rows: int = 0
    max_abs_difference: float = 0.0
    decided: int = 0
    equal: int = 0

    @property
    def equal_decisions(self) -> float | None:
        """The share of rows decided alike, 0 to 1; None where nothing is decided."""
        return self.equal / self.decided if self.decided else None

    def and_then(self, original: npt.NDArray[Any], converted: npt.NDArray[Any], *, binary: bool) -> Compared:
        """Add the predictions on more rows, each of shape (rows,) or (rows, k); of several outputs by name.

        Args:
            binary: of one output and shape (rows,), they are probabilities of a yes.
        """
        if names_of(original) and same_form(original, converted):
            found = [
                Compared().and_then(original[name], converted[name], binary=binary)
                for name in names_of(original)
            ]
            return Compared(
                rows=self.rows + len(original),
                max_abs_difference=max([self.max_abs_difference, *(one.max_abs_difference for one in found)]),
                decided=self.decided + sum(one.decided for one in found),
                equal=self.equal + sum(one.equal for one in found),
            )
        rows = len(original)
        if not same_form(original, converted):
            return Compared(
                rows=self.rows + rows, max_abs_difference=np.inf, decided=self.decided, equal=self.equal
            )
        a, b = (flat(one).astype(np.float64) for one in (original, converted))
        same = (a == b) | (np.isnan(a) & np.isnan(b))
        with np.errstate(invalid="ignore"):
            apart = np.where(same, 0.0, np.abs(a - b))
        apart = np.where(np.isnan(apart), np.inf, apart)
        decided = len(a) if binary or a.ndim == 2 else 0
        equal = 0
        if decided:
            choices = [one.argmax(axis=1) if one.ndim == 2 else one >= THRESHOLD for one in (a, b)]
            equal = int(np.count_nonzero(choices[0] == choices[1]))
        return Compared(
            rows=self.rows + rows,
            max_abs_difference=max(self.max_abs_difference, float(apart.max(initial=0.0))),
            decided=self.decided + decided,
            equal=self.equal + equal,
        )
