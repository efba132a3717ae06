"""`ckpt-ops top`: all models in the terminal, live."""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta
from typing import Annotated

import typer
from rich.live import Live
from rich.table import Table
from rich.text import Text

from ckpt_ops.cli import output
from ckpt_ops.cli.output import Json
from ckpt_ops.cli.sparkline import sparkline
from ckpt_ops.cli.store_option import StoreOption, chosen_store
from ckpt_ops.views import StoreViews, plain
from ckpt_ops.views.building.attention import length
from ckpt_ops.views.fleet import Fleet, Summary
from ckpt_ops.views.shapes import Wants

_RED = (Wants.ON_HOLD, Wants.TAINTED, Wants.BELOW_FLOOR, Wants.UNREADABLE)


def top(
    every: Annotated[
        float, typer.Option("--every", min=0.2, metavar="SECONDS", help="How long until it looks again.")
    ] = 3.0,
    once: Annotated[bool, typer.Option("--once", help="Show the table once, and end.")] = False,
    store: StoreOption = None,
    json: Json = False,
) -> None:
    """Watch all models: where each stands and what needs a person.

    Of each model, those that need a person first: the version in production and its age, the newest slice
    that it was trained on, its first metric on new slices, pending slices, and the first thing to look at. It
    goes on until Ctrl-C. With --json, or where the output is no terminal, it shows them once.

    Example: ckpt-ops top
    """
    with chosen_store(store) as opened:
        views = StoreViews(opened, keep=False)
        if json:
            output.answer(plain(views.fleet()), lambda _: None, json=True)
            return
        out = output.console()
        if once or not out.is_terminal:
            out.print(table(views.fleet(), datetime.now(UTC)))
            return
        try:
            with Live(table(views.fleet(), datetime.now(UTC)), console=out, screen=True) as live:
                while True:
                    time.sleep(every)
                    live.update(table(views.fleet(), datetime.now(UTC)))
        except KeyboardInterrupt:
            return


def table(fleet: Fleet, now: datetime) -> Table:
    """The fleet at a moment."""
    needing = sum(bool(one.attention) for one in fleet.models)
    size = f", {fleet.nbytes / 1e9:,.1f} GB" if fleet.nbytes is not None else ""
    title = f"{len(fleet.models)} models, {needing} need a person{size}; {now:%Y-%m-%d %H:%M:%S} UTC"
    found = Table(
        "model", "head", "age", "newest slice", "metric", "on new slices", "pending", "look at", title=title
    )
    for one in fleet.models:
        found.add_row(*(Text(cell) for cell in _cells(one, now)), style=_style(one))
    return found


def _cells(one: Summary, now: datetime) -> tuple[str, ...]:
    metric = f"{one.metrics[0][0]} {one.metrics[0][1]:.4f}" if one.metrics else "-"
    points = one.metric.points if one.metric is not None else ()
    first = one.attention[0].message if one.attention else "-"
    more = f" (+{len(one.attention) - 1})" if len(one.attention) > 1 else ""
    return (
        one.model,
        "-" if one.head is None else str(one.head),
        _age(one.head_since, now),
        one.newest_consumed or "-",
        metric,
        sparkline([point.value for point in points]),
        str(dict(one.counts).get("pending", 0)),
        (first if len(first) <= 90 else f"{first[:87]}...") + more,
    )


def _age(since: str, now: datetime) -> str:
    return length(max(timedelta(), now - datetime.fromisoformat(since))) if since else "-"


def _style(one: Summary) -> str:
    if any(each.what in _RED for each in one.attention):
        return "red"
    return "yellow" if one.attention else ""
