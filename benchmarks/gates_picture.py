"""The picture of the gates: what each way claims beside what was true, and what it stops and lets through."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.gates_damage import DAMAGES, WORLDS
from benchmarks.gates_histories import CLEAN
from benchmarks.gates_runs import Candidate, Found
from benchmarks.gates_summary import BESIDE, HARM, Line, Share, good

_GOOD, _DAMAGED, _AXIS = "#1f6fb2", "#b03030", "#333333"
_COLORS = ("#1f6fb2", "#7fb0d8", "#8a9097", "#c9ced3")
_LIMIT = 0.15


def draw(
    lines: Sequence[Line], found: Mapping[str, Sequence[Found]], titles: Mapping[str, str], path: Path
) -> None:
    """Above, a cloud of candidates for each way; below, shares by what was learned."""
    import matplotlib

    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    figure = plt.figure(figsize=(15, 10), layout="constrained")
    grid = figure.add_gridspec(2, len(lines), height_ratios=[1, 1.1])
    first: Any = None
    for column, line in enumerate(lines):
        first = figure.add_subplot(grid[0, column], sharex=first, sharey=first)
        _cloud(first, [one for each in found[line.way] for one in each.candidates])
        first.set_title(titles[line.way], fontsize=10, loc="left")
    below = grid[1, :].subgridspec(1, 2, width_ratios=[2, 1])
    stopped = {
        name: [line.rejected[name] for line in lines] for name in (*DAMAGES, "inherited", CLEAN, "all")
    }
    _bars(
        figure.add_subplot(below[0, 0]),
        stopped,
        "harmful candidates rejected, by what they learned; above each bar, of how many",
    )
    passed = {name: [line.promoted[name] for line in lines] for name in (CLEAN, *WORLDS, BESIDE, "all")}
    _bars(figure.add_subplot(below[0, 1]), passed, "good candidates promoted, by world", lines, titles)
    figure.suptitle(
        "A dot is a candidate: its AUC less its champion's on the rows that evaluate (claim) and on the four "
        "weeks after (truth). Filled: promoted.",
        fontsize=11,
        x=0.01,
        ha="left",
    )
    figure.savefig(path, dpi=110)
    plt.close(figure)


def _cloud(axes: Any, candidates: Sequence[Candidate]) -> None:
    there = [one for one in candidates if math.isfinite(one.judgement.claim)]
    for fine, color, label in ((False, _DAMAGED, "learned damaged weeks"), (True, _GOOD, "good weeks only")):
        for passed in (True, False):
            of = [one.judgement for one in there if good(one) is fine and one.judgement.passed is passed]
            axes.scatter(
                np.clip([one.claim for one in of], -_LIMIT, _LIMIT),
                np.clip([one.truth for one in of], -_LIMIT, _LIMIT),
                s=14,
                facecolors=color if passed else "none",
                edgecolors=color,
                alpha=0.7,
                lw=0.8,
                label=label if passed else None,
            )
    axes.plot([-_LIMIT, _LIMIT], [-_LIMIT, _LIMIT], color=_AXIS, lw=0.5, ls=":")
    axes.axhline(HARM, color=_DAMAGED, lw=0.6, ls="--")
    axes.axhline(0, color=_AXIS, lw=0.6)
    axes.axvline(0, color=_AXIS, lw=0.6)
    axes.set_xlabel("claim")
    axes.set_ylabel("truth")
    axes.legend(frameon=False, fontsize=8, loc="lower right")
    _bare(axes)


def _bars(
    axes: Any,
    shares: Mapping[str, Sequence[Share]],
    title: str,
    lines: Sequence[Line] = (),
    titles: Mapping[str, str] | None = None,
) -> None:
    """A group of bars for each name, one a way; how many there were stands above."""
    width = 0.8 / max((len(of) for of in shares.values()), default=1)
    for at, of in enumerate(shares.values()):
        for number, share in enumerate(of):
            x = at + (number - (len(of) - 1) / 2) * width
            value = share.value
            if value is not None:
                axes.bar(x, 100 * value, width * 0.92, color=_COLORS[number % len(_COLORS)])
            axes.annotate(
                str(share.of),
                (x, 100 * (value or 0.0)),
                xytext=(0, 2),
                textcoords="offset points",
                ha="center",
                fontsize=6,
                color=_AXIS,
            )
    for number, line in enumerate(lines):
        axes.bar(0, 0, color=_COLORS[number % len(_COLORS)], label=(titles or {})[line.way])
    if lines:
        axes.legend(frameon=False, fontsize=8, loc="lower center", bbox_to_anchor=(0.5, -0.36), ncols=2)
    axes.set_xlim(-0.6, len(shares) - 0.4)
    axes.axhline(95, color=_AXIS, lw=0.6, ls="--")
    axes.set_xticks(range(len(shares)), list(shares), rotation=40, ha="right", fontsize=8)
    axes.yaxis.set_major_formatter(lambda value, _: f"{value:g} %")
    axes.set_ylim(0, 108)
    axes.set_title(title, fontsize=10, loc="left")
    _bare(axes)


def _bare(axes: Any) -> None:
    for side in ("top", "right"):
        axes.spines[side].set_visible(False)
