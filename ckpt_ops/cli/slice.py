"""`ckpt-ops slice` looks at one slice; `ckpt-ops validate` tries a suite on those that came before."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.table import Table

from ckpt_ops.cli import render, views
from ckpt_ops.cli.look import Json, Model
from ckpt_ops.cli.run import NOT_ACCEPTED, FromKey, ToKey
from ckpt_ops.cli.store_option import StoreOption, chosen_store
from ckpt_ops.errors import BadInput

View = dict[str, Any]


def slice_(
    model: Model,
    key: Annotated[str, typer.Argument(metavar="KEY", help="The slice's key.")],
    revision: Annotated[
        str | None, typer.Option("--revision", metavar="REVISION", help="The newest verdict's, by default.")
    ] = None,
    against: Annotated[
        str | None, typer.Option("--against", metavar="REVISION", help="Say what it changes of this one.")
    ] = None,
    rows: Annotated[int, typer.Option("--rows", min=0, help="So many of the first rows.")] = 5,
    store: StoreOption = None,
    json: Json = False,
) -> None:
    """Look at a slice: its revisions, first rows and statistics, and the difference of two revisions."""
    from ckpt_ops.pipeline.slice_view import slice_view

    with chosen_store(store) as opened:
        state = views.state_of(opened, model)
        found = slice_view(opened, state, key, revision=revision, against=against, rows=rows)
    if json:
        render.as_json(found)
    else:
        _show_slice(found)


def validate(
    name: Annotated[str, typer.Argument(metavar="MODEL_OR_INTAKE", help="A folder of dags/.")],
    suite: Annotated[
        Path | None, typer.Option("--suite", metavar="FILE", help="The pipeline's own, by default.")
    ] = None,
    first: FromKey = None,
    last: ToKey = None,
    store: StoreOption = None,
    json: Json = False,
) -> None:
    """Try a suite on the slices that came before. Writes nothing. Exit code 4: it quarantines one of them."""
    from ckpt_ops.pipeline import load_intake
    from ckpt_ops.pipeline.trying_suite import in_words, try_suite
    from ckpt_ops.validation import Outcome, load_suite

    intake = load_intake(name)
    tried = load_suite(suite or intake.folder / intake.expectations)
    with chosen_store(store) as opened, render.progress("judging") as progress:
        views.state_of(opened, name)
        found = try_suite(intake, opened, tried, first, last, progress=progress)
    if not found:
        raise BadInput(
            "--from/--to",
            f"{first or 'the first'} to {last or 'the last'}",
            f"a range in which {name} has taken in a slice",
            next=f"ckpt-ops slices {name}",
        )
    if json:
        render.as_json([{**asdict(one), "differs": one.differs} for one in found])
    else:
        out = render.console()
        table = Table("slice", "rows", "is", "would be", "why")
        for one in found:
            would = one.outcome.value if one.outcome else "gone from the store"
            why = "\n".join(one.reasons) or one.summary
            table.add_row(one.key, f"{one.rows:,}", one.today, would, why)
        out.print(table)
        out.print(f"Suite {tried.name} {in_words(found)}. Nothing was written.", soft_wrap=True)
    if any(one.outcome is Outcome.QUARANTINED for one in found):
        raise typer.Exit(NOT_ACCEPTED)


def _show_slice(view: View) -> None:
    out = render.console()
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
    out = render.console()
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
    render.console().print(table)


def _cell(value: Any) -> str:
    from ckpt_ops.validation.words import value_words

    return value_words(value)
