"""What a version said of its held-out rows when it was trained, beside what is said of them now.

Equal variables are not an equal model: what computes from them may be another by now. A prediction that was
kept tells.
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
from ckpt_ops.store import Store

ELSEWHERE = 1e-4
"""At least so much is allowed, of predictions up to 1: another machine or library may round otherwise."""


@dataclass(frozen=True, kw_only=True)
class PredictionsAgain:
    """How far predictions are from those that were kept.

    Attributes:
        rows: that were compared; 0 where they could not be.
        difference: the largest |now - kept| / max(1, |kept|); infinite where one is no number, or nothing was
            said; None where nothing can be told.
        tolerance: that the difference is held against.
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
        far = f"up to {self.difference:.3g}" if np.isfinite(self.difference) else "beyond any number"
        if self.differs:
            return f"predictions on {self.rows:,} held-out rows differ {far}; allowed is {self.tolerance:.2g}"
        return f"predictions on {self.rows:,} held-out rows are what was kept, within {self.tolerance:.2g}"

    def to_json(self) -> dict[str, Any]:
        finite = self.difference is not None and np.isfinite(self.difference)
        said = {
            "difference": self.difference if finite else None,
            "differs": self.differs,
            "words": self.message,
        }
        return {**asdict(self), **said}


def kept_predictions(store: Store, version: VersionState) -> EvaluatedRows | None:
    """What the training kept of its end; None when it is not there (any more)."""
    name = version.trained.artifacts.get("predictions") if version.trained else None
    try:
        return EvaluatedRows.from_table(pq.read_table(io.BytesIO(store.get(name)))) if name else None
    except ObjectNotFound:
        return None


def predictions_again(
    kept: EvaluatedRows | None, labels: npt.NDArray[Any], said: npt.NDArray[Any]
) -> PredictionsAgain:
    """Compare.

    Args:
        labels: of the rows that today's `examples()` makes; they tell whether these are the rows of then.
        said: the predictions on them.
    """
    if kept is None:
        return PredictionsAgain(why_not="none are kept of this version")
    if kept.count != len(labels):
        return PredictionsAgain(
            why_not=f"examples() makes {len(labels):,} held-out rows, and {kept.count:,} are kept"
        )
    if not np.array_equal(kept.label, np.asarray(labels, np.float64).reshape(-1)):
        return PredictionsAgain(
            why_not="examples() gives the held-out rows other labels than those that are kept"
        )
    precision = (kept.servable.precision if kept.servable else None) or "float32"
    return PredictionsAgain(
        rows=kept.count,
        difference=_apart(np.asarray(kept.candidate), np.asarray(said, np.float64)),
        tolerance=max(ELSEWHERE, TOLERANCES.get(precision, ELSEWHERE)),
    )


def _apart(was: npt.NDArray[np.float64], now: npt.NDArray[np.float64]) -> float:
    if was.shape != now.shape:
        return float("inf")
    same = (was == now) | (np.isnan(was) & np.isnan(now))
    with np.errstate(invalid="ignore"):
        apart = np.where(same, 0.0, np.abs(now - was) / np.maximum(1.0, np.abs(was)))
    return float(np.where(np.isnan(apart), np.inf, apart).max(initial=0.0))
