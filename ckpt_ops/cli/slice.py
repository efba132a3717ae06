"""`ckpt-ops slice`: one slice, its revisions and its rows."""

from __future__ import annotations

from typing import Annotated, Any

import typer
from rich.table import Table

from ckpt_ops.cli import output, views
from ckpt_ops.cli.options import Model, SliceKey
from ckpt_ops.cli.output import Json
from ckpt_ops.cli.store_option import StoreOption, chosen_store

View = dict[str, Any]


def slice_(
    model: Model,
    key: SliceKey,
    revision: Annotated[
        str | None,
        typer.Option(
            "--revision", metavar="REVISION", help="A revision; by default that of the newest verdict."
        ),
    ] = None,
    against: Annotated[
        str | None, typer.Option("--against", metavar="REVISION", help="Compare with this revision.")
    ] = None,
    rows: Annotated[int, typer.Option("--rows", min=0, help="How many of the first rows to show.")] = 5,
    store: StoreOption = None,
    json: Json = False,
) -> None:
    """Show a slice's revisions, rows, statistics and changes.

    Example: ckpt-ops slice flight_delay 2013-01-27 --rows 10
    """
    from ckpt_ops.intake.slice_view import slice_view

    with chosen_store(store) as opened:
        state = views.state_of(opened, model)
        found = slice_view(opened, state, key, revision=revision, against=against, rows=rows)
    output.answer(found, _show_slice, json=json)


def _show_slice(view: View) -> None:
    out = output.console()
    by = f", consumed by version {view['consumed_by']}" if view["consumed_by"] is not None else ""
    why = f": {view['reason']}" if view["reason"] else ""
    out.print(f"Slice {view['key']} of source {view['source']}: {view['status']}{by}{why}", soft_wrap=True)
    revisions = Table("revision", "rows", "made (UTC)", "how", "", title="revisions", title_justify="left")
    for one in view["revisions"]:
        roles = [*(["shown"] if one["revision"] == view["revision"] else []), *one["roles"]]
        made = one["made"][:19].replace("T", " ")
        revisions.add_row(one["revision"], f"{one['rows']:,}", made, one["how"], ", ".join(roles))
    out.print(revisions)
    columns = Table("column", "type", "null", "distinct", "min", "max", "mean")
    for one in view["columns"]:
        distinct = "> 1,000" if one["distinct"] is None else f"{one['distinct']:,}"
        values = ("-" if one[name] is None else _cell(one[name]) for name in ("min", "max", "mean"))
        columns.add_row(one["name"], one["type"], f"{one['nulls']:,}", distinct, *values)
    out.print(columns)
    _show_rows(f"the first of {view['rows']:,} rows", view["head"])
    if view["difference"] is not None:
        _show_difference(view["difference"])
    elif len(view["revisions"]) > 1:
        other = next(one["revision"] for one in view["revisions"] if one["revision"] != view["revision"])
        out.print(f"Next: ckpt-ops slice {view['model']} {view['key']} --against {other}", soft_wrap=True)


def _show_difference(change: View) -> None:
    out = output.console()
    out.print(f"Since revision {change['from']}: {change['words']}", soft_wrap=True)
    if change["compared"]:
        of = f"by the {len(change['compared'])} columns that both have"
        out.print(f"{change['gone']:,} rows are gone and {change['new']:,} are new, {of}.")
    for name in ("gone", "new"):
        _show_rows(f"rows that are {name}, e.g.", change[f"examples_{name}"])


def _show_rows(title: str, rows: list[View]) -> None:
    if not rows:
        return
    table = Table(*rows[0], title=title, title_justify="left")
    for row in rows:
        table.add_row(*("-" if value is None else _cell(value) for value in row.values()))
    output.console().print(table)


def _cell(value: Any) -> str:
    from ckpt_ops.validation.messages import value_text

    return value_text(value)
