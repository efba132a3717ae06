"""The picture of a back-test: the cost and value of each policy, and its course slice by slice."""

from __future__ import annotations

from pathlib import Path
from typing import Any

View = dict[str, Any]
_MARKS = {"promoted": ("|", 10), "refused": ("x", 5), "held": ("s", 3)}
_PLACES = [(x, y) for y in (0, 10, -10, 20, -20, 30, -30) for x in (10, -10)]


def draw(view: View, path: Path) -> None:
    """Write a PNG of a back-test: the frontier, the metric over the slices, and when each policy trained.

    Args:
        view: what `Backtest.to_json` returned, and `model`.
    """
    import matplotlib as mpl

    mpl.use("Agg")
    from matplotlib import pyplot as plt

    figure, axes = plt.subplot_mosaic(
        [["frontier", "slices"], ["frontier", "updates"]],
        figsize=(15, 6),
        width_ratios=[1, 1.7],
        height_ratios=[3, 0.4 + 0.2 * len(view["policies"])],
        layout="constrained",
    )
    figure.suptitle(f"{view['model']}: {len(view['slices'])} recorded slices under each policy")
    colors = {one["name"]: f"C{at % 10}" for at, one in enumerate(view["policies"])}
    axes["slices"].sharex(axes["updates"])
    _over_slices(axes["slices"], view, colors)
    _updates(axes["updates"], view, colors)
    _frontier(axes["frontier"], view, colors)
    figure.savefig(path, dpi=110)
    plt.close(figure)


def _frontier(axes: Any, view: View, colors: dict[str, str]) -> None:
    scored = [one for one in view["policies"] if one["mean"] is not None]
    front = [one for one in scored if one["name"] not in view["dominated"]]
    front.sort(key=lambda one: one["seconds"])
    axes.plot([one["seconds"] for one in front], [one["mean"] for one in front], color="0.7", zorder=1)
    names: dict[tuple[float, float], list[str]] = {}
    for one in scored:
        color = colors[one["name"]]
        face = "none" if one["name"] in view["dominated"] else color
        axes.scatter(one["seconds"], one["mean"], s=60, zorder=2, facecolor=face, edgecolor=color)
        names.setdefault((one["seconds"], one["mean"]), []).append(f"{one['name']} ({one['updates']})")
    axes.margins(0.2)
    axes.set_xlim(left=0)
    axes.set_xlabel("training seconds")
    axes.set_ylabel(f"mean {view['metric']} over {len(view['compared'])} slices, before training on them")
    better = "up" if view["higher_is_better"] else "down"
    axes.set_title(f"name (updates); better is {better} and to the left; hollow: dominated", fontsize=10)
    axes.grid(alpha=0.3)
    _name(axes, {point: ", ".join(labels) for point, labels in names.items()})


def _name(axes: Any, names: dict[tuple[float, float], str]) -> None:
    """Write a name beside each point, at a place free of other names and points if there is one."""
    axes.figure.draw_without_rendering()  # positions are known only after this
    taken = [_around(axes.transData.transform(point)) for point in names]
    for point, name in names.items():
        label = axes.annotate(name, point, (0, 0), textcoords="offset points", va="center")
        for place in _PLACES:  # the last is used even if it is taken
            label.set(position=place, ha="left" if place[0] > 0 else "right")
            box = label.get_window_extent()
            inside = axes.bbox.x0 < box.x0 and box.x1 < axes.bbox.x1
            if inside and not any(box.overlaps(other) for other in taken):
                break
        taken.append(box)


def _around(point: Any) -> Any:
    from matplotlib.transforms import Bbox

    return Bbox.from_extents(*(point - 6), *(point + 6))


def _over_slices(axes: Any, view: View, colors: dict[str, str]) -> None:
    for one in view["policies"]:
        values = [float("nan") if event["value"] is None else event["value"] for event in one["slices"]]
        axes.plot(range(len(values)), values, color=colors[one["name"]], linewidth=1.1, label=one["name"])
    axes.set_ylabel(view["metric"])
    axes.set_title("each slice, scored before anything trained on it", fontsize=10)
    axes.grid(alpha=0.3)
    axes.tick_params(labelbottom=False)
    axes.legend(fontsize=8, ncols=3)


def _updates(axes: Any, view: View, colors: dict[str, str]) -> None:
    names = [one["name"] for one in view["policies"]]
    for row, one in enumerate(view["policies"]):
        for outcome, (marker, size) in _MARKS.items():
            at = [x for x, event in enumerate(one["slices"]) if event["outcome"] == outcome]
            axes.plot(at, [row] * len(at), marker, color=colors[one["name"]], markersize=size)
    axes.set_yticks(range(len(names)), names, fontsize=8)
    axes.set_ylim(len(names) - 0.4, -0.6)
    keys = [one["key"] for one in view["slices"]]
    every = -(-len(keys) // 10)
    axes.set_xticks(range(0, len(keys), every), keys[::every], rotation=30, ha="right", fontsize=8)
    axes.set_title("| promoted   x rejected   square: on hold", fontsize=9)
