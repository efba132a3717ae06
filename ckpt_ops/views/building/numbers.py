"""Numbers of records as views show them: only finite ones, and metrics with the direction of quality."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping

from ckpt_ops.lineage import LineageState
from ckpt_ops.lineage.records import UpdateDeferred

# The directions of `evaluation.metrics`, which is not imported here: `ckpt-ops status` does without numpy.
_HIGHER = frozenset(
    {
        "accuracy",
        "auc",
        "average_precision",
        "balanced_accuracy",
        "f1",
        "macro_f1",
        "mrr",
        "ndcg",
        "r2",
        "top1_accuracy",
        "top5_accuracy",
    }
)
_LOWER = frozenset({"brier", "cross_entropy", "ece", "log_loss", "mae", "rmse"})


def finite(value: object) -> float | None:
    """The number; None for anything that JSON has no number for."""
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        return None
    return float(value)


def all_finite(values: Mapping[str, object]) -> dict[str, float | None]:
    return {name: finite(value) for name, value in values.items()}


def only_finite(values: Mapping[str, object]) -> dict[str, float]:
    """Without those that have no value."""
    return {name: number for name, value in values.items() if (number := finite(value)) is not None}


def better(metric: str) -> str:
    """ "higher" or "lower"; "" for a metric that this code does not know."""
    name = metric.rpartition(":")[2]
    return "higher" if name in _HIGHER else "lower" if name in _LOWER else ""


def ordered(names: Iterable[str], first: str) -> list[str]:
    """Each name once: the model's own first metric, then as they come; without one, AUC."""
    known = list(dict.fromkeys(names))
    wanted = [one for one in (first, "auc") if one in known]
    return list(dict.fromkeys([*wanted, *known]))


def production_scores(state: LineageState) -> dict[str, dict[str, float]]:
    """By slice key, in key order: the metrics of the version in production when the slice was new to it.

    Candidates of rebases and retrainings see slices that were scored when they were new: theirs do not count.
    """
    found: dict[str, dict[str, float]] = {}
    for version in state.versions.values():
        if not version.ordinary:
            continue
        scores = dict(version.trained.scores) if version.trained is not None else {}
        if isinstance(version.decided, UpdateDeferred):
            scores = {**version.decided.scores, **scores}
        for key, values in scores.items():
            if key not in found and values:
                found[key] = only_finite(values)
    return {key: found[key] for key in sorted(found)}


def drift_in(numbers: Mapping[str, object]) -> dict[str, float]:
    """By column, the population stability index among the numbers of an update policy."""
    named = {
        name.removeprefix("psi:").partition("#")[0]: value
        for name, value in numbers.items()
        if name.startswith("psi:")
    }
    return only_finite(named)
