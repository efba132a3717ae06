"""The curves that pictures of predictions are drawn from: plain lists of finite numbers.

Which curves there are follows from the predictions: probabilities of two classes have a ROC curve and a
calibration curve, class probabilities a confusion matrix and the calibration of the predicted class,
other numbers the mean label over bins of the prediction.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from ckpt_ops.evaluation.metrics import FloatArray

POINTS = 200
BINS = 10
_CLASSES = 30

Curve = dict[str, list[float]]


def kind_of(label: FloatArray, predictions: FloatArray) -> str:
    """ "classes", "binary", "numbers" or, where nothing could be drawn, "none", as of k labels of a row."""
    if not label.size or not np.isfinite(predictions).all():
        return "none"
    if label.ndim == 2:
        return "none"
    if predictions.ndim == 2:
        return "classes"
    if np.isin(label, (0.0, 1.0)).all() and ((predictions >= 0) & (predictions <= 1)).all():
        return "binary"
    return "numbers"


def curves(label: FloatArray, models: Mapping[str, FloatArray]) -> dict[str, Any]:
    """The curves of each model, by what they show.

    Args:
        label: shape (n,).
        models: predictions by name, of one shape: (n,) or (n, k).
    """
    kinds = {kind_of(label, predictions) for predictions in models.values()}
    if len(kinds) != 1 or "none" in kinds:
        return {"kind": "none"}
    kind = kinds.pop()
    if kind == "binary":
        return {
            "kind": kind,
            "roc": {name: roc(label, p) for name, p in models.items()},
            "calibration": {name: calibration(label, p) for name, p in models.items()},
        }
    if kind == "classes":
        named = {name: p.argmax(axis=1) for name, p in models.items()}
        return {
            "kind": kind,
            "confusion": {
                name: confusion(label, classes, models[name].shape[1]) for name, classes in named.items()
            },
            "calibration": {
                name: calibration((classes == label).astype(np.float64), models[name].max(axis=1))
                for name, classes in named.items()
            },
        }
    return {"kind": kind, "calibration": {name: calibration(label, p) for name, p in models.items()}}


def roc(label: FloatArray, p: FloatArray) -> Curve | None:
    """False and true positive rate at up to `POINTS` thresholds, both ends included; None with one class."""
    positives = label.sum()
    negatives = label.size - positives
    if not positives or not negatives:
        return None
    order = np.argsort(-p, kind="stable")
    ends = np.flatnonzero(np.r_[np.diff(p[order]) != 0, True])  # rows of one score are passed together
    true = np.r_[0, np.cumsum(label[order])[ends]] / positives
    false = np.r_[0, np.cumsum(1 - label[order])[ends]] / negatives
    at = np.unique(np.linspace(0, true.size - 1, POINTS).round().astype(int))
    return {"false_positive_rate": _listed(false[at]), "true_positive_rate": _listed(true[at])}


def calibration(label: FloatArray, p: FloatArray) -> Curve:
    """Mean prediction, mean label and rows in up to `BINS` bins of equally many rows, by prediction."""
    order = np.argsort(p, kind="stable")
    parts = [part for part in np.array_split(order, BINS) if part.size]
    return {
        "predicted": _listed(np.array([p[part].mean() for part in parts])),
        "found": _listed(np.array([label[part].mean() for part in parts])),
        "rows": [float(part.size) for part in parts],
    }


def confusion(label: FloatArray, named: npt.NDArray[np.int64], classes: int) -> list[list[float]]:
    """Rows by true class (down) and predicted class (across); classes after the first 30 are left out."""
    shown = min(classes, _CLASSES)
    true = label.astype(np.int64)
    inside = (true >= 0) & (true < shown) & (named < shown)
    flat = np.bincount(true[inside] * shown + named[inside], minlength=shown * shown)
    return [_listed(line) for line in flat.reshape(shown, shown)]


def _listed(values: npt.NDArray[Any]) -> list[float]:
    return [round(float(value), 6) for value in values]
