"""The picture of `latency`: where the seconds go from a landed slice to its promoted version."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path


def draw(found: Mapping[str, Mapping[str, float]], path: Path) -> None:
    """Write a picture: a bar for each way, from the seconds of its stages in order."""
    import matplotlib as mpl

    mpl.use("Agg")
    mpl.rcParams.update({"svg.hashsalt": "latency", "svg.fonttype": "none"})
    from matplotlib import pyplot as plt

    names = list(dict.fromkeys(stage for stages in found.values() for stage in stages))
    colors = {name: plt.get_cmap("tab20")(number % 20) for number, name in enumerate(names)}
    figure, axes = plt.subplots(figsize=(10, 0.7 * len(found) + 1.8), layout="constrained")
    for at, stages in enumerate(reversed(found.values())):
        left = 0.0
        for name, seconds in stages.items():
            axes.barh(at, seconds, left=left, color=colors[name], height=0.6)
            if seconds >= 0.5:
                axes.text(left + seconds / 2, at, f"{seconds:.1f}", ha="center", va="center", fontsize=8)
            left += seconds
        axes.text(left, at, f"  {left:.1f} s", va="center", fontsize=9)
    axes.set_yticks(range(len(found)), list(reversed(found)))
    axes.set_xlabel("seconds from the start of the command to the promoted version (medians of each stage)")
    axes.margins(x=0.08)
    handles = [plt.Rectangle((0, 0), 1, 1, color=colors[name], label=name) for name in names]
    figure.legend(handles=handles, loc="outside upper center", ncols=7, frameon=False, fontsize=8)
    figure.savefig(path, dpi=110, metadata={"Date": None} if path.suffix == ".svg" else None)
    plt.close(figure)
