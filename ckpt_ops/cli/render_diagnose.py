"""What a bisect and a rebuilt version look like, for people."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from rich.table import Table

from ckpt_ops.cli.output import console
from ckpt_ops.cli.views import View


def show_bisect(view: View) -> None:
    metric, on = view["metric"], view["on"]
    side = "below" if "below" in view else "above"
    table = Table(
        "version",
        "trained on",
        metric,
        "",
        "model",
        "steps",
        "seconds",
        title=f"{view['model']}: {metric} on the held-out rows of {on['key']}, oldest first",
        title_justify="left",
    )
    for point in view["points"]:
        inside = len(point["slices"]) < point["of"]
        keys = _keys(point["slices"])
        table.add_row(
            f"in {point['version']}" if inside else str(point["version"]),
            f"{keys}: {len(point['slices'])} of {point['of']}" if inside else keys,
            "no number" if point["value"] is None else f"{point['value']:.4f}",
            f"{side} {view[side]:g}" if point["wrong"] else "",
            point["how"],
            "-" if point["steps"] is None else str(point["steps"]),
            f"{point['seconds']:.1f}",
        )
    out = console()
    out.print(table)
    out.print(view["verdict"] + ".", soft_wrap=True)
    for note in view["notes"]:
        out.print(f"Note: {note}.", soft_wrap=True)
    if any(point["how"] == "never a version" for point in view["points"]):
        out.print("Models that were never versions were trained for this and are not kept.")
    out.print(
        "The search assumes that what is wrong stays wrong; the table has every point that was measured."
    )
    model, key = view["model"], view["found"]["slice"]["key"]
    out.print(f"Next: ckpt-ops taint {model} --slice {key} --why TEXT, then ckpt-ops plan {model}")


def show_audit(view: View) -> None:
    champion, cold = view["champion"], view["from_scratch"]
    table = Table(
        "model",
        view["metric"],
        "steps",
        "seconds",
        title=f"{view['model']}: {view['metric']} on {view['rows']:,} held-out rows of {_keys(view['on'])}",
        title_justify="left",
    )
    for name, one in (
        (f"version {champion['version']}, by {champion['updates']} updates", champion),
        (f"from scratch, on all {view['slices']} slices", cold),
    ):
        table.add_row(name, f"{one['value']:.4f}", f"{one['steps']:,}", f"{one['seconds']:.1f}")
    out = console()
    out.print(table)
    out.print(view["verdict"] + ".", soft_wrap=True)
    if view.get("note"):
        out.print(f"Note: {view['note']}.", soft_wrap=True)
    if view.get("advice"):
        out.print(f"Next: {view['advice']}", soft_wrap=True)


def show_reproduced(view: View) -> None:
    out = console()
    begins = view["begins_at"]
    start = "scratch" if begins is None else f"the checkpoint of version {begins}"
    out.print(f"{view['model']} v{view['version']}, trained again from {start}")
    table = Table("version", "trained on", "steps", "its checkpoint", "seconds")
    for one in view["trained"]:
        same = {True: "equal", False: "different", None: "not kept"}[one["equal"]]
        steps, seconds = str(one["steps"]), f"{one['seconds']:.1f}"
        table.add_row(str(one["version"]), _keys(one["slices"]), steps, same, seconds)
    out.print(table)
    equal, different = view["equal"], view["different"]
    out.print(f"{len(equal)} tensors are equal to the checkpoint bit for bit, {len(different)} are not.")
    if view["outcome"] == "cannot be told":
        out.print(
            "Whether it is the same version cannot be told: operations were not deterministic, so no two "
            f"trainings end with the same bits. This one ended {view['apart']:.2g} of the training's way "
            "from the checkpoint; 0 is equal, 1 as far off as without this training.",
            soft_wrap=True,
        )
    if different:
        first = different[0]
        apart = "" if first["largest"] is None else f", by {first['largest']:.3g} at most"
        out.print(f"The first: {first['name']} {first['what']}{apart}.", soft_wrap=True)
        out.print(f"blake3 over all, in the checkpoint: {view['recorded']}")
        out.print(f"blake3 over all, trained again:     {view['again']}")
    else:
        out.print(f"blake3 over all: {view['recorded']}")
    for number, changes in view["changes"].items():
        text = f"Note: version {number} was not trained with what is there today: {'; '.join(changes)}."
        out.print(text, soft_wrap=True)
    out.print(f"{view['seconds']:.1f} s, the start of the process included.")


def causes(view: View) -> list[str]:
    """Why a version that was trained again may differ, the likeliest first."""
    found = [message for changes in view["changes"].values() for message in changes]
    wrong = [one["version"] for one in view["trained"] if one["equal"] is False]
    if wrong and wrong[0] != view["version"]:
        found.append(f"version {wrong[0]}, the first on the way that differs")
    if view["placed"] != view["placed_again"]:
        found.append(f"it was trained {view['placed']}, and now {view['placed_again']}")
    timed = [str(one["version"]) for one in view["trained"] if one["stopped_by"] == "max_seconds"]
    if timed:
        found.append(
            f"version {', '.join(timed)}: the clock ended it; it was trained again for its recorded steps"
        )
    return [
        *dict.fromkeys(found),
        "a different processor or number of threads: sums are added up in a different order",
        "code outside of the pipeline's folder that the model or examples() uses",
        f"the checkpoint itself: ckpt-ops verify {view['model']} {view['version']}",
    ]


def _keys(keys: Sequence[Any]) -> str:
    if len(keys) > 3:
        return f"{keys[0]} to {keys[-1]} ({len(keys)})"
    return ", ".join(keys)
