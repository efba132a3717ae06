"""What a back-test looks like, for people."""

from __future__ import annotations

from typing import Any

from rich.table import Table

from ckpt_ops.cli.output import console
from ckpt_ops.cli.views import View


def show_backtest(view: View) -> None:
    metric, slices = view["metric"], view["slices"]
    table = Table(
        "policy",
        "updates",
        "rejected",
        "steps",
        "training s",
        f"mean {metric}",
        f"worst {metric}",
        "on slice",
        title=f"{view['model']}: {len(slices)} recorded slices, {slices[0]['key']} to {slices[-1]['key']}",
        title_justify="left",
    )
    for column in table.columns[1:7]:
        column.justify = "right"
    for one in view["policies"]:
        worst = one["worst"] or (None, None)
        table.add_row(
            one["name"],
            str(one["updates"]),
            str(one["refused"]),
            f"{one['steps']:,}",
            f"{one['seconds']:.1f}",
            _number(one["mean"]),
            _number(worst[1]),
            worst[0] or "-",
        )
    out = console()
    out.print(table)
    message = view["frontier"]
    out.print(f"{message[0].upper()}{message[1:]}.", soft_wrap=True)
    for one in view["policies"]:
        if one["held"]:
            key, why = one["held"]
            out.print(f"On hold: {one['name']} from slice {key} to the end: {why}.", soft_wrap=True)
    for line in _notes(view):
        out.print(line, soft_wrap=True)


def _notes(view: View) -> list[str]:
    trainings = view["trainings"]
    clock = {
        "keys": "the time of a slice is the start of the next key's interval",
        "accepted": "the keys are not times: the time of a slice is when the log accepted it",
    }[view["clock"]]
    return [
        f"Mean and worst over the {len(view['compared'])} slices that every policy scored, each on all of "
        "its rows before anything trained on them.",
        f"{trainings['asked']} trainings: {trainings['shared']} shared between policies that had decided the "
        f"same until then, {trainings['restored']} restored from the log's checkpoints, "
        f"{trainings['trained']} trained.",
        f"For the policies, {clock}. Gates on exports are taken to pass; "
        "nothing waits in shadow, and nobody is asked.",
        f"Took {view['seconds']:.0f} s, {view['cpu_seconds']:.0f} s of processor time; nothing was recorded.",
    ]


def _number(value: Any) -> str:
    return "-" if value is None else f"{value:.4f}"
