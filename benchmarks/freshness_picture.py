"""The picture of freshness: what quality costs, and the AUC of each week beside full retraining's."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from benchmarks.prequential import FULL, OURS

if TYPE_CHECKING:
    from benchmarks.freshness import Cells, Line

_NAMED = (FULL, "full-average", OURS, "new", "share-0.2", "share-1", "once-10-average")
_OURS, _FULL, _PEER = "#1f6fb2", "#333333", "#b9bec4"


def draw(lines: Sequence[Line], cells: Cells, titles: Mapping[str, str], path: Path) -> None:
    """Above, a frontier for each range of weeks; below, the difference to full retraining by week."""
    import matplotlib

    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    ranges = list(dict.fromkeys(line.weeks for line in lines))
    figure = plt.figure(figsize=(13, 9), layout="constrained")
    grid = figure.add_gridspec(2, len(ranges), height_ratios=[1.2, 1])
    for column, weeks in enumerate(ranges):
        axes = figure.add_subplot(grid[0, column])
        _frontier(axes, [line for line in lines if line.weeks == weeks])
        axes.set_title(
            f"weeks {weeks[0]}-{weeks[1]}: difference of the AUC to full retraining", fontsize=10, loc="left"
        )
    _by_week(figure.add_subplot(grid[1, :]), cells, titles)
    figure.suptitle(
        "A model kept fresh week by week. Bars are 95 % intervals; up and left is better.",
        fontsize=11,
        x=0.01,
        ha="left",
    )
    figure.savefig(path, dpi=110)
    plt.close(figure)


def _frontier(axes: Any, lines: Sequence[Line]) -> None:
    for line in lines:
        color = {FULL: _FULL, OURS: _OURS}.get(line.variant, "#8a9097")
        axes.errorbar(
            100 * line.share,
            line.gap,
            yerr=[[line.gap - line.low], [line.high - line.gap]],
            fmt="o",
            ms=7 if line.variant == OURS else 5,
            color=color,
            lw=1,
        )
        if line.variant not in _NAMED:
            continue  # the others lie beside these and would hide their names
        axes.annotate(
            line.variant,
            (100 * line.share, line.gap),
            xytext=(6, 4),
            textcoords="offset points",
            fontsize=8,
            color=color,
        )
    axes.axhline(0, color=_FULL, lw=0.6)
    axes.set_xscale("log")
    axes.xaxis.set_major_formatter(lambda value, _: f"{value:g} %")
    axes.xaxis.set_minor_formatter(lambda value, _: "")
    axes.set_xlabel("steps, of full retraining's")
    _bare(axes)


def _by_week(axes: Any, cells: Cells, titles: Mapping[str, str]) -> None:
    full = np.array([found["auc"] for found in cells[FULL].values()])
    trained_to = np.arange(1, full.shape[1] + 1)
    for name, color in (("share-0.2", _PEER), (OURS, _OURS)):
        if name in cells:
            gap = np.array([found["auc"] for found in cells[name].values()]) - full
            axes.plot(trained_to, gap.mean(axis=0), "o-", ms=3, lw=1.2, color=color, label=titles[name])
            axes.fill_between(trained_to, gap.min(axis=0), gap.max(axis=0), color=color, alpha=0.2, lw=0)
    axes.axhline(0, color=_FULL, lw=0.6)
    axes.set_xlabel("trained to week")
    axes.set_title(
        "by week: mean over the seeds of the difference to full retraining, and its range",
        fontsize=10,
        loc="left",
    )
    axes.legend(frameon=False, fontsize=9)
    _bare(axes)


def _bare(axes: Any) -> None:
    for side in ("top", "right"):
        axes.spines[side].set_visible(False)
