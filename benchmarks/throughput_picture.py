"""The picture of `throughput`: where the time of a step goes, beside what the loop and `model.fit` take."""

from __future__ import annotations

import statistics
from collections.abc import Mapping
from pathlib import Path
from typing import Any

THREADS = {"input": ("draw", "gather", "hand-over"), "training": ("step", "checks", "bookkeeping")}
_MS = 1e3


def draw(results: Mapping[str, Any], path: Path) -> None:
    """Write a picture of what `throughput` found, a panel for each workload.

    Args:
        results: by workload and by kind of operations, as `--out` has them.
    """
    import matplotlib as mpl

    mpl.use("Agg")
    mpl.rcParams.update({"svg.hashsalt": "throughput", "svg.fonttype": "none"})
    from matplotlib import pyplot as plt

    figure, panels = plt.subplots(
        len(results), 1, figsize=(9, 1.5 * len(results) + 0.8), layout="constrained", squeeze=False
    )
    for (name, found), axes in zip(results.items(), panels[:, 0], strict=True):
        _panel(axes, name, found)
    handles, labels = panels[0, 0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside upper center", ncols=4, frameon=False)
    panels[-1, 0].set_xlabel("milliseconds a step")
    figure.savefig(path, dpi=110, metadata={"Date": None} if path.suffix == ".svg" else None)
    plt.close(figure)


def _panel(axes: Any, name: str, found: Mapping[str, Any]) -> None:
    parts = found["deterministic"]["parts"]
    color = 0
    for at, of_it in enumerate(THREADS.values()):
        left = 0.0
        for part in of_it:
            width = parts[part] * _MS
            axes.barh(at, width, left=left, color=f"C{color}", label=part, height=0.6)
            left, color = left + width, color + 1
    marks = (("deterministic", "ours", "-"), ("free", "ours", ":"), ("deterministic", "fit", "--"))
    labels = ("the loop", "the loop, not deterministic", "model.fit")
    for (kind, called, line), label in zip(marks, labels, strict=True):
        milliseconds = _MS / statistics.median(found[kind][called])
        axes.axvline(milliseconds, color="0.2", linestyle=line, label=label, linewidth=1.5)
    axes.set_yticks(range(len(THREADS)), list(THREADS))
    axes.set_title(f"{name}, batches of {found['deterministic']['batch']}", fontsize=10, loc="left")
    axes.grid(axis="x", alpha=0.3)
    axes.set_xlim(left=0)
