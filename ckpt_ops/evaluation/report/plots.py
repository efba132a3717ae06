"""The pictures of a report: values in, PNG bytes out. The first one drawn imports matplotlib."""

from __future__ import annotations

import io
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

CANDIDATE, CHAMPION = "#1f6fb4", "#888888"
_GOOD, _BAD = "#2a9d4a", "#c0392b"
_COLOURS = {"candidate": CANDIDATE, "champion": CHAMPION}
_DPI = 110


def roc_picture(roc: Mapping[str, Any]) -> bytes:
    """The ROC curves; by model, as `curves.roc` made them."""

    def draw(axes: Any) -> None:
        axes.plot([0, 1], [0, 1], color="#cccccc", lw=1)
        for name, curve in _there(roc):
            axes.plot(
                curve["false_positive_rate"],
                curve["true_positive_rate"],
                color=_COLOURS[name],
                label=name,
                ls="-" if name == "candidate" else "--",
            )
        axes.set(xlabel="false positive rate", ylabel="true positive rate", title="ROC", aspect="equal")
        axes.legend(frameon=False, loc="lower right")

    return _png(draw, width=4.4, height=4.2)


def calibration_picture(calibration: Mapping[str, Any], *, what: str) -> bytes:
    """Mean prediction against what was observed, by bins of equally many rows.

    Args:
        what: the label of the y axis.
    """

    def draw(axes: Any) -> None:
        ends = [
            end for _, curve in _there(calibration) for side in ("predicted", "found") for end in curve[side]
        ]
        low, high = min(ends, default=0.0), max(ends, default=1.0)
        axes.plot([low, high], [low, high], color="#cccccc", lw=1)
        for name, curve in _there(calibration):
            axes.plot(
                curve["predicted"],
                curve["found"],
                color=_COLOURS[name],
                label=name,
                marker="o",
                ms=4,
                ls="-" if name == "candidate" else "--",
            )
        axes.set(xlabel="mean prediction", ylabel=what, title="Calibration")
        axes.legend(frameon=False, loc="upper left")

    return _png(draw, width=4.4, height=4.2)


def confusion_picture(counts: Sequence[Sequence[float]]) -> bytes:
    """Shares of each true class (down) by the class that the candidate predicted (across)."""
    table = np.asarray(counts, float)
    shares = table / np.maximum(table.sum(axis=1, keepdims=True), 1)

    def draw(axes: Any) -> None:
        axes.imshow(shares, cmap="Blues", vmin=0, vmax=1)
        if len(shares) <= 12:
            for (row, column), share in np.ndenumerate(shares):
                axes.text(
                    column,
                    row,
                    f"{share:.0%}",
                    ha="center",
                    va="center",
                    fontsize=7,
                    color="white" if share > 0.6 else "black",
                )
        axes.set(xlabel="predicted by the candidate", ylabel="true class", title="Confusion, share of class")

    return _png(draw, width=4.4, height=4.2)


def segments_picture(
    segments: Sequence[Mapping[str, Any]], *, column: str, metric: str, higher: bool
) -> bytes:
    """A bar per segment: the difference from the champion, with its interval; or a first version's metric."""
    compared = [one for one in segments if "delta" in one]
    shown = compared or list(segments)

    def draw(axes: Any) -> None:
        at = np.arange(len(shown))
        if compared:
            deltas = np.array([one["delta"] for one in shown])
            # the interval is one of percentiles: it may not include the difference itself
            below = np.maximum(deltas - [one["low"] for one in shown], 0)
            above = np.maximum([one["high"] for one in shown] - deltas, 0)
            better = deltas >= 0 if higher else deltas <= 0
            axes.barh(
                at, deltas, xerr=(below, above), color=np.where(better, _GOOD, _BAD), ecolor="#444", capsize=2
            )
            axes.axvline(0, color="#444", lw=1)
            axes.set(xlabel=f"{metric}, candidate minus champion")
        else:
            axes.barh(at, [one["candidate"] for one in shown], color=CANDIDATE)
            axes.set(xlabel=metric)
        axes.set_yticks(at, [f"{_short(one['segment'])} ({one['rows']:,})" for one in shown])
        axes.invert_yaxis()
        axes.set(title=f"By {_plain(column)} (rows)")

    return _png(draw, width=6.4, height=1.2 + 0.28 * len(shown))


def forgetting_picture(lines: Sequence[Mapping[str, Any]], *, metric: str, higher: bool) -> bytes:
    """Versions down, slices across: what each version knows of each slice's held-out rows."""
    keys = sorted({key for line in lines for key in line["on"]})
    table = np.array([[line["on"].get(key, np.nan) for key in keys] for line in lines], float)

    def draw(axes: Any) -> None:
        image = axes.imshow(table, cmap="viridis" if higher else "viridis_r", aspect="auto")
        if table.size <= 150:
            for (row, column), value in np.ndenumerate(table):
                if np.isfinite(value):
                    light = image.norm(value) > 0.6 if higher else image.norm(value) < 0.4
                    colour = "black" if light else "white"
                    axes.text(column, row, f"{value:.3f}", ha="center", va="center", fontsize=7, color=colour)
        axes.set_xticks(range(len(keys)), [_short(key) for key in keys], rotation=60, ha="right", fontsize=8)
        axes.set_yticks(range(len(lines)), [f"v{line['version']}" for line in lines])
        axes.set(title=f"{metric} on held-out rows of each slice")
        axes.figure.colorbar(image, ax=axes, shrink=0.8)

    return _png(draw, width=3.2 + 0.5 * len(keys), height=1.8 + 0.34 * len(lines))


def _there(models: Mapping[str, Any]) -> list[tuple[str, Any]]:
    return [(name, curve) for name, curve in models.items() if curve]


def _short(text: str) -> str:
    return _plain(text if len(text) <= 24 else f"{text[:23]}…")


def _plain(text: str) -> str:
    """Text from data is never read as a formula, even with dollar signs in it."""
    return text.replace("$", r"\$")


def import_matplotlib() -> tuple[Any, Any]:
    """Its canvas and its figure. Not pyplot: that keeps figures and a backend for the whole process."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    return FigureCanvasAgg, Figure


def _png(draw: Callable[[Any], None], *, width: float, height: float) -> bytes:
    FigureCanvasAgg, Figure = import_matplotlib()
    figure = Figure(figsize=(min(width, 14.0), min(height, 9.0)), dpi=_DPI, layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.subplots()
    for side in ("top", "right"):
        axes.spines[side].set_visible(False)
    draw(axes)
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png")
    return buffer.getvalue()
