"""Columns that know the label: a copy of it, a code for it, or what is only known after it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from ckpt_ops.validation.custom.findings import NotEvaluated
from ckpt_ops.validation.custom.leakage import Label

CERTAIN = 0.999
SUSPICIOUS = 0.95
_MOST_ROWS = 100_000
_ROWS_OF_VALUE = 5
_FEWEST_ROWS = 100


@dataclass(frozen=True, kw_only=True)
class Leak:
    """What a column alone says of the label.

    Attributes:
        strength: AUC or the size of Spearman's correlation; None where neither can be measured.
        why: it knows the label; "" where it does not.
    """

    strength: float | None = None
    why: str = ""


class Leaks:
    """Measures columns beside one label.

    Args:
        label: the label of each row as a number, shape (rows,); NaN without one.
        classes: how many; 0 for a number.
    """

    def __init__(self, label: npt.NDArray[np.float64], classes: int) -> None:
        known = np.flatnonzero(~np.isnan(label))
        step = max(1, len(known) // _MOST_ROWS)
        self._rows = known[::step]
        self._label = label[self._rows]
        self._classes = classes

    def of(self, column: pa.ChunkedArray) -> Leak:
        """What the column says."""
        values = column.take(pa.array(self._rows)).combine_chunks()
        if self._goes_with_one_label(values):
            return Leak(strength=1.0, why="it knows the label: each of its values goes with one label only")
        found = [each for label in self._labels() if (each := _strength(label, values)) is not None]
        if not found:
            return Leak()
        strength = min(found)
        if strength >= CERTAIN:
            return Leak(strength=strength, why=f"it knows the label: alone it predicts it by {strength:.3f}")
        return Leak(strength=strength)

    def _labels(self) -> list[npt.NDArray[np.float64]]:
        """The label itself; of several classes, one of them against the others, of the two most frequent."""
        if self._classes <= 2:
            return [self._label]
        frequent = np.argsort(-np.bincount(self._label.astype(np.int64)))[:2]
        return [(self._label == one).astype(np.float64) for one in frequent]

    def _goes_with_one_label(self, values: pa.Array) -> bool:
        if pa.types.is_nested(values.type) or not self._classes or len(values) < _FEWEST_ROWS:
            return False
        pairs: Any = pa.table({"value": values, "label": self._label}).drop_null()
        distinct = pc.count_distinct(pairs["value"]).as_py()
        labels = pc.count_distinct(pairs["label"]).as_py()
        if labels < 2 or distinct * _ROWS_OF_VALUE > pairs.num_rows:
            return False
        return bool(pairs.group_by(["value", "label"]).aggregate([]).num_rows == distinct)


def _strength(label: npt.NDArray[np.float64], values: pa.Array) -> float | None:
    try:
        found = Label.of(pa.array(label), "label", None).strength_of(values, "column")
    except (NotEvaluated, TypeError, ValueError, pa.ArrowException):
        return None
    return None if found is None else found.value
