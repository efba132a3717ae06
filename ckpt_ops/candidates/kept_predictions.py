"""What a version predicted on its held-out rows when it was trained, beside what is predicted now.

Equal variables are not an equal model: the code that computes with them may have changed. Kept predictions
show it.
"""

from __future__ import annotations

import io
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow.parquet as pq

from ckpt_ops.errors import ObjectNotFound
from ckpt_ops.evaluation import EvaluatedRows
from ckpt_ops.evaluation.gates.export import TOLERANCES
from ckpt_ops.lineage import VersionState
from ckpt_ops.outputs import differences, flat, names_of, same_form
from ckpt_ops.store import Store

ELSEWHERE = 1e-4
"""The least that is allowed, of predictions up to 1: a different machine or library may round differently."""


@dataclass(frozen=True, kw_only=True)
class PredictionsAgain:
    """How far predictions are from those that were kept.

    Attributes:
        rows: how many were compared; 0 where none could be.
        difference: the largest |now - kept| / max(1, |kept|); infinite where only one of the two is NaN, or
            the shapes differ; None where nothing was compared.
        tolerance: the largest difference allowed.
        why_not: why nothing was compared; "" when it was.
    """

    rows: int = 0
    difference: float | None = None
    tolerance: float = ELSEWHERE
    why_not: str = ""

    @property
    def differs(self) -> bool:
        return self.difference is not None and not self.difference <= self.tolerance

    @property
    def message(self) -> str:
        if self.why_not or self.difference is None:
            return f"predictions were not compared: {self.why_not}"
        far = f"by up to {self.difference:.3g}" if np.isfinite(self.difference) else "beyond any number"
        if self.differs:
            return f"predictions on {self.rows:,} held-out rows differ {far}; {self.tolerance:.2g} is allowed"
        return f"predictions on {self.rows:,} held-out rows equal those kept, within {self.tolerance:.2g}"

    def to_json(self) -> dict[str, Any]:
        finite = self.difference is not None and np.isfinite(self.difference)
        summary = {
            "difference": self.difference if finite else None,
            "differs": self.differs,
            "words": self.message,
        }
        return {**asdict(self), **summary}


def kept_predictions(store: Store, version: VersionState) -> EvaluatedRows | None:
    """The predictions that the training kept at its end; None when they are not there (any more)."""
    name = version.trained.artifacts.get("predictions") if version.trained else None
    try:
        return EvaluatedRows.from_table(pq.read_table(io.BytesIO(store.get(name)))) if name else None
    except ObjectNotFound:
        return None


def predictions_again(
    kept: EvaluatedRows | None, labels: npt.NDArray[Any], now: npt.NDArray[Any]
) -> PredictionsAgain:
    """Compare predictions with those kept.

    Args:
        labels: of the rows that today's `examples()` makes, as `labels_of` gives them; they tell whether
            the rows are the same.
        now: the predictions on them.
    """
    if kept is None:
        return PredictionsAgain(why_not="none were kept for this version")
    if kept.count != len(labels):
        return PredictionsAgain(
            why_not=f"examples() makes {len(labels):,} held-out rows, but {kept.count:,} were kept"
        )
    if not same_form(kept.label, labels) or differences(kept.label, labels).any():
        return PredictionsAgain(
            why_not="examples() gives the held-out rows labels that differ from those kept"
        )
    precision = (kept.servable.precision if kept.servable else None) or "float32"
    return PredictionsAgain(
        rows=kept.count,
        difference=_apart(kept.candidate, now),
        tolerance=max(ELSEWHERE, TOLERANCES.get(precision, ELSEWHERE)),
    )


def _apart(was: npt.NDArray[Any], now: npt.NDArray[Any]) -> float:
    if was.shape != now.shape or not same_form(was, now):
        return float("inf")
    if names_of(was):
        return max(_apart(was[name], now[name]) for name in names_of(was))
    was, now = flat(was), np.asarray(flat(now), np.float64)
    same = (was == now) | (np.isnan(was) & np.isnan(now))
    with np.errstate(invalid="ignore"):
        apart = np.where(same, 0.0, np.abs(now - was) / np.maximum(1.0, np.abs(was)))
    return float(np.where(np.isnan(apart), np.inf, apart).max(initial=0.0))
