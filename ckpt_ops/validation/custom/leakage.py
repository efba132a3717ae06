"""How well one feature alone predicts the label: AUC for a label of two kinds, |Spearman| for a number.

Both are 1 for a feature that is the label in disguise, and both see any rising or falling relation,
whatever its shape; a U-shaped one they do not see.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from ckpt_ops.validation.custom.columns import Arrow, Bools, Floats, is_category, is_number, numbers
from ckpt_ops.validation.custom.findings import NotEvaluated

_Z = 3.29  # two-sided, one time in a thousand


@dataclass(frozen=True, kw_only=True)
class Strength:
    """How well a feature predicts the label: `value` of `measure`.

    `chance` is what a useless feature exceeds one time in a thousand with as many rows.
    """

    value: float
    measure: str
    chance: float


@dataclass(frozen=True, kw_only=True)
class Label:
    """`values`, shape (rows,), 0 and 1 for a label of two kinds; `positive` is None for other numbers."""

    values: Floats
    positive: Bools | None

    @classmethod
    def of(cls, column: Arrow, name: str, above: float | None) -> Label:
        """The label of rows that all have one.

        Raises:
            NotEvaluated: all rows have the same label.
            ValueError: it is neither a number nor of two values.
        """
        positive = _positive(column, name, above)
        if positive is None:
            return cls(values=numbers(column), positive=None)
        if positive.all() or not positive.any():
            raise NotEvaluated(f"all {len(positive):,} labels in {name} are the same")
        return cls(values=positive.astype(np.float64), positive=positive)

    def strength_of(self, feature: Arrow, name: str) -> Strength | None:
        """None when the feature has no value, or no row of one of the two kinds has."""
        found = score(feature, self.values, name)
        there = ~np.isnan(found)
        rows = int(there.sum())
        if self.positive is None:
            if not rows:
                return None
            value = spearman(found[there], self.values[there])
            return Strength(value=value, measure="|Spearman|", chance=_Z / math.sqrt(max(1, rows - 1)))
        ones = int(self.positive[there].sum())
        if ones in (0, rows):
            return None
        chance = 0.5 + _Z * math.sqrt((rows + 1) / (12 * ones * (rows - ones)))
        return Strength(value=auc(found[there], self.positive[there]), measure="AUC", chance=chance)


def _positive(column: Arrow, name: str, above: float | None) -> Bools | None:
    if above is not None:
        if not is_number(column):
            raise ValueError(f"label_above needs a numeric label; {name} is {column.type}")
        return np.asarray(numbers(column) > above)
    distinct = pc.unique(column)
    if len(distinct) <= 2:
        largest = max(distinct.to_pylist())
        return np.asarray(pc.equal(column, pa.scalar(largest, column.type)), np.bool_)
    if not is_number(column):
        raise ValueError(f"{name} has {len(distinct)} values: a label is a number or has two")
    return None


def auc(score: Floats, positive: Bools) -> float:
    """The area under the ROC curve of a score or of its reverse, whichever is larger: 0.5 to 1.

    The Mann-Whitney statistic over ranks, ties counted half. Both classes have to be there.
    """
    from scipy.stats import rankdata

    ones = int(positive.sum())
    zeros = len(positive) - ones
    above = rankdata(score)[positive].sum() - ones * (ones + 1) / 2
    found = float(above / (ones * zeros))
    return max(found, 1 - found)


def spearman(score: Floats, label: Floats) -> float:
    """The size of the rank correlation, 0 to 1; 0 when either is constant."""
    from scipy.stats import rankdata

    ranks = [rankdata(each) for each in (score, label)]
    if any(np.ptp(each) == 0 for each in ranks):
        return 0.0
    return abs(float(np.corrcoef(*ranks)[0, 1]))


def score(feature: Arrow, label: Floats, name: str) -> Floats:
    """The feature as a number; NaN where it is null.

    A category becomes the mean label of its other rows: those at odd positions are scored by those at
    even ones and the reverse; otherwise a category of one row would give away its own label.
    """
    if is_number(feature):
        return numbers(feature)
    if pa.types.is_timestamp(feature.type) or pa.types.is_date(feature.type):
        return numbers(pc.cast(pc.cast(feature, pa.timestamp("us"), safe=False), pa.int64()))
    if not is_category(feature):
        raise TypeError(f"a feature is a number, a time, text or a boolean; {name} is {feature.type}")
    codes = pc.dictionary_encode(feature, null_encoding="encode").indices.to_numpy(zero_copy_only=False)
    odd = np.arange(len(label)) % 2 == 1
    found = np.empty(len(label))
    for scored in (odd, ~odd):
        sums = np.bincount(codes[~scored], weights=label[~scored], minlength=codes.max() + 1)
        rows = np.bincount(codes[~scored], minlength=codes.max() + 1)
        mean = label[~scored].mean() if (~scored).any() else 0.0
        found[scored] = np.where(rows > 0, sums / np.maximum(rows, 1), mean)[codes[scored]]
    return found
