"""The picture of a run: a bar for each engine's median, a dot for each measured value."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from benchmarks.cases import CASES
from benchmarks.engines import ENGINES, OURS
from benchmarks.report import number
from benchmarks.summary import Summary
from benchmarks.uploads import CLIENT_TITLES

_ROWS = (
    ("block", "disk", "save call blocks (ms)", 1e3),
    ("stall", "disk", "total stall until durable (ms)", 1e3),
    ("bytes", "disk", "written per save (MB)", 1e-6),
    ("first_step", "disk", "restore to first step (s)", 1.0),
    ("stall", "gcs", "GCS server: total stall until durable (ms)", 1e3),
    ("first_step", "gcs", "GCS server: restore to first step (s)", 1.0),
)
_OURS, _PEER = "#1f6fb2", "#b9bec4"


def draw(summary: Summary, path: Path) -> None:
    """A column a case, a row a measure; the uploads below. What was not measured takes no room."""
    import matplotlib

    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    cases = [case for case in CASES if any(row.case == case for row in summary.rows)]
    rows = [row for row in _ROWS if any(found.store == row[1] for found in summary.rows)]
    heights = [_height(summary, store) for _, store, _, _ in rows] + ([3] if summary.uploads else [])
    if not heights:
        return
    figure = plt.figure(figsize=(15, 0.75 * len(heights) + 0.34 * sum(heights)), layout="constrained")
    grid = figure.add_gridspec(
        len(heights), max(len(cases), 1), height_ratios=[each + 1.5 for each in heights]
    )
    for line, (metric, store, title, factor) in enumerate(rows):
        for column, case in enumerate(cases):
            axes = figure.add_subplot(grid[line, column])
            engines = [name for name in ENGINES if any(row.engine == name for row in _at(summary, store))]
            bars = []
            for engine in engines:
                row = summary.row(case, store, engine)
                values = [value * factor for value in row.values[metric]] if row else []
                bars.append((ENGINES[engine].title, values, engine == OURS))
            heading = f"{CASES[case](summary.scale).title}\n\n" if line == 0 else ""
            draw_bars(axes, bars, f"{heading}{title}", labels=column == 0, log=metric == "block")
    if summary.uploads:
        below = grid[len(rows), :].subgridspec(1, 2)
        measures = (
            ("mb_per_s", "uploads: MB/s, more is better"),
            ("cpu_s_per_gb", "uploads: CPU seconds per GB"),
        )
        for column, (metric, title) in enumerate(measures):
            bars = [
                (CLIENT_TITLES[each.client], each.values[metric], each.client == OURS)
                for each in summary.uploads
            ]
            draw_bars(figure.add_subplot(below[0, column]), bars, title, labels=column == 0, log=False)
    figure.suptitle(
        "Bars are medians, dots all measured values. Shorter is better, except MB/s.",
        fontsize=11,
        x=0.01,
        ha="left",
    )
    figure.get_layout_engine().set(hspace=0.03, wspace=0.03)
    figure.savefig(path, dpi=110)
    plt.close(figure)


def _at(summary: Summary, store: str) -> list[Any]:
    return [row for row in summary.rows if row.store == store]


def _height(summary: Summary, store: str) -> int:
    return len({row.engine for row in _at(summary, store)})


def draw_bars(
    axes: Any, bars: list[tuple[str, list[float], bool]], title: str, *, labels: bool, log: bool
) -> None:
    """Names, their measured values and whether they are ours, from top to bottom."""
    from statistics import median

    medians = [median(values) if values else None for _, values, _ in bars]
    positive = [value for _, values, _ in bars for value in values if value > 0]
    log = log and bool(positive)
    if log:
        axes.set_xscale("log")
        axes.set_xlim(min(positive) / 3, max(positive) * 6)
        axes.xaxis.set_major_formatter(lambda value, _: f"{value:g}")
        axes.xaxis.set_minor_formatter(lambda value, _: "")
    elif positive:
        lowest = min(0.0, *(value for _, values, _ in bars for value in values))
        axes.set_xlim(lowest * 1.1, max(positive) * 1.25)
    right = axes.get_xlim()[1]
    for place, ((_, values, ours), middle) in enumerate(zip(bars, medians, strict=True)):
        if middle is None:
            axes.text(
                0.02, place, "failed", transform=axes.get_yaxis_transform(), va="center", color="#b03030"
            )
            continue
        axes.barh(place, middle, color=_OURS if ours else _PEER, height=0.62)
        axes.plot(values, [place] * len(values), "o", ms=3, color="#333333", alpha=0.45, mew=0, clip_on=False)
        # past the last dot, where the number covers none
        end = max(*values, middle, 0.0)
        axes.annotate(
            number(middle),
            (min(end, right), place),
            xytext=(5, 0),
            textcoords="offset points",
            va="center",
            fontsize=9,
            fontweight="bold" if ours else "normal",
        )
    axes.set_yticks(range(len(bars)), [name for name, _, _ in bars] if labels else [""] * len(bars))
    axes.set_ylim(len(bars) - 0.4, -0.6)
    axes.set_title(title, fontsize=10, loc="left")
    axes.tick_params(axis="x", labelsize=8)
    axes.tick_params(axis="y", length=0)
    for side in ("top", "right"):
        axes.spines[side].set_visible(False)
