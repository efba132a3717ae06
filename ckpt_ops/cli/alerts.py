"""`ckpt-ops alerts`: what models want people for, and who was told."""

from __future__ import annotations

import os
from collections.abc import Sequence

from rich.table import Table

from ckpt_ops.alerts import Posted, link_to, standing
from ckpt_ops.alerts.kept_board import read_board
from ckpt_ops.cli import output
from ckpt_ops.cli.options import OptionalModel
from ckpt_ops.cli.output import Json
from ckpt_ops.cli.store_option import StoreOption, chosen_store
from ckpt_ops.cli.views import View
from ckpt_ops.store import Store
from ckpt_ops.views import StoreViews
from ckpt_ops.views.fleet import Summary


def alerts(model: OptionalModel = None, store: StoreOption = None, json: Json = False) -> None:
    """List what models want people for, and who was told.

    Of each model, the most urgent first: what happened, what is safe, the next command, and which notifiers
    told it, when. Nothing is sent, and nothing is written.

    Example: ckpt-ops alerts
    """
    with chosen_store(store) as opened:
        views = StoreViews(opened, keep=False)
        found = views.fleet().models if model is None else (views.summary(model),)
        if model is not None:
            views.state(model)  # refuses a name that no model has
        view = [one for summary in found for one in _alerts(opened, summary)]
    output.answer(view, _show, json=json)


def _alerts(store: Store, summary: Summary) -> list[View]:
    posted = read_board(store, summary.model)[1].posted
    link = link_to(summary.model, os.environ.get("AIRFLOW__API__BASE_URL", ""))
    return [
        {
            **one.fields,
            "told": _told([up for up in posted if _same(up, one.subjects) and up.alert.what is one.what]),
        }
        for one in standing(summary, link=link)
    ]


def _same(posted: Posted, subjects: Sequence[str]) -> bool:
    return not set(posted.subjects).isdisjoint(subjects)


def _told(posted: Sequence[Posted]) -> list[View]:
    """Each try to tell it, by notifier."""
    return [
        {
            "notifier": way.name,
            "since": one.since,
            "told": way.told,
            "tries": way.tries,
            "last": way.last,
            "problem": way.problem,
        }
        for one in posted
        for way in one.ways
    ]


def _show(found: Sequence[View]) -> None:
    if not found:
        output.say("Nothing: no model wants a person.")
        return
    table = Table("model", "what", "message", "next", "told")
    for one in found:
        told = [way["notifier"] if way["told"] else f"not {way['notifier']}" for way in one["told"]]
        table.add_row(one["model"], one["what"], one["message"], one["next"], ", ".join(told) or "nobody yet")
    output.console().print(table)
