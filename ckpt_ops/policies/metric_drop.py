"""A policy that looks at quality: how the champion does on data that nothing has trained on yet."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import KW_ONLY, dataclass
from types import MappingProxyType

from ckpt_ops import checks
from ckpt_ops.errors import BadInput
from ckpt_ops.outputs import keyed
from ckpt_ops.policies.base import Decision, Facts, decided
from ckpt_ops.values import as_code, later
from ckpt_ops.wire_names import wire

HIGHER_IS_BETTER: Mapping[str, bool] = MappingProxyType(
    {
        "auc": True,
        "log_loss": False,
        "accuracy": True,
        "brier": False,
        "rmse": False,
        "mae": False,
        "average_precision": True,
        "f1": True,
        "balanced_accuracy": True,
        "ece": False,
        "r2": True,
        "top1_accuracy": True,
        "top5_accuracy": True,
        "cross_entropy": False,
        "macro_f1": True,
        "ndcg": True,
        "mrr": True,
    }
)
"""The direction of each metric that the evaluation records; a test keeps the two lists equal."""

ROUNDING = 1e-12
"""A difference of two metrics is not exact: a drop of exactly `by` is one."""


@wire("MetricDrop")
@dataclass(frozen=True)
class MetricDrop:
    """Due when the champion does worse on the newest slice than at its promotion, by at least `by`.

    Worse means lower or higher, depending on the metric: a log loss "drops" when it rises.

    Undecided until the slice is scored. Where the promotion recorded no such metric the policy is due,
    because only another promotion can record one. Where the slice gives the metric no value (an AUC with
    one class), it is not due: there is no evidence of a drop, and the next slice may give some.

    Args:
        metric: a metric of the evaluation.
        by: in the metric's unit, above 0.
        output: which of a model's outputs, or which label of one; None: the only one.
    """

    metric: str
    _: KW_ONLY
    by: float
    output: str | None = later(None)

    __repr__ = as_code

    def __post_init__(self) -> None:
        if not isinstance(self.metric, str) or self.metric not in HIGHER_IS_BETTER:
            raise BadInput("MetricDrop.metric", self.metric, f"one of {', '.join(HIGHER_IS_BETTER)}")
        checks.number("MetricDrop.by", self.by, above=0, allowed="a number above 0, in the metric's unit")

    def decide(self, facts: Facts) -> Decision:
        name = keyed(self.metric, self.output)
        numbers = {f"{name}_drop_at_least": float(self.by)}
        before = _finite(facts.champion_metrics_at_promotion.get(name))
        if before is None:
            return decided(True, f"the champion's promotion recorded no {name} to compare with", numbers)
        numbers[f"{name}_at_promotion"] = before
        if facts.champion_on_slice is None:
            return decided(None, f"needs the champion's {name} on the new slice", numbers)
        now = _finite(facts.champion_on_slice.get(name))
        if now is None:
            return decided(False, f"{name} has no value on the new slice, no evidence of a drop", numbers)
        drop = before - now if HIGHER_IS_BETTER[self.metric] else now - before
        numbers |= {f"{name}_on_slice": now, f"{name}_drop": drop}
        due = drop >= self.by - ROUNDING
        d = _decimals(drop, self.by)
        if drop > 0:
            change = f"worse by {drop:.{d}f}, {'at least' if due else 'less than'} {self.by:.{d}f}"
        else:
            change = f"better by {-drop:.{d}f}" if drop else "unchanged"
        reason = f"{name} went from {before:.{d}f} at promotion to {now:.{d}f} on the new slice, {change}"
        return decided(due, reason, numbers)


def _finite(value: float | None) -> float | None:
    return float(value) if value is not None and math.isfinite(value) else None


def _decimals(drop: float, by: float) -> int:
    """Decimals that tell a drop from its limit, and the limit from 0."""
    apart = (d for d in range(3, 7) if f"{drop:.{d}f}" != f"{by:.{d}f}" and float(f"{by:.{d}f}"))
    return next(apart, 3)
