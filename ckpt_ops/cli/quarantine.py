"""`ckpt-ops quarantine`: what is in quarantine, why, and a person's word on it."""

from __future__ import annotations

import io
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.table import Table

from ckpt_ops.cli import render, views
from ckpt_ops.cli.correct import Why
from ckpt_ops.cli.look import Json, Model
from ckpt_ops.cli.store_option import StoreOption, chosen_store
from ckpt_ops.errors import ObjectNotFound
from ckpt_ops.lineage.quarantined import Quarantined, in_quarantine, one_in_quarantine
from ckpt_ops.pipeline.quarantine import discard as discard_slice
from ckpt_ops.pipeline.quarantine import release as release_slice
from ckpt_ops.store import Store

if TYPE_CHECKING:
    import pyarrow as pa

app = typer.Typer(
    name="quarantine",
    help="Slices that failed validation or are suspect, and bad rows set aside: look, release, give up.",
    no_args_is_help=True,
)
Key = Annotated[str, typer.Argument(metavar="KEY", help="The slice's key.")]


@app.command("list")
def list_(model: Model, store: StoreOption = None, json: Json = False) -> None:
    """Everything that is in quarantine and that nobody has decided on."""
    with chosen_store(store) as opened:
        found = in_quarantine(views.state_of(opened, model))
    if json:
        render.as_json([asdict(one) for one in found])
        return
    out = render.console()
    if not found:
        out.print(f"Nothing of {model} is in quarantine.")
        return
    table = Table("slice", "revision", "rows", "what", "why")
    for one in found:
        table.add_row(one.key, one.revision, _rows(one), _what(one), one.reason)
    out.print(table)
    out.print(f"Next: ckpt-ops quarantine show {model} KEY, then release or discard")


@app.command()
def show(
    model: Model,
    key: Key,
    store: StoreOption = None,
    rows: Annotated[int, typer.Option("--rows", min=0, help="So many bad rows, with their reasons.")] = 10,
    json: Json = False,
) -> None:
    """Why a slice is in quarantine, and the bad rows where they were set aside one by one."""
    from ckpt_ops.validation import Kind, read_verdict

    with chosen_store(store) as opened:
        found = one_in_quarantine(views.state_of(opened, model), key)
        verdict = read_verdict(opened, found.report)
        bad = _bad_rows(opened, found, rows)
    if json:
        reasons = [asdict(reason) for reason in verdict.reasons]
        render.as_json({**asdict(found), "reasons": reasons, "bad_rows": bad})
        return
    out = render.console()
    out.print(f"{found.source} {key}, revision {found.revision}: {_rows(found)} rows, {_what(found)}")
    table = Table("severity", "column", "what", "why it is asked")
    for reason in verdict.reasons:
        shown = f". {'; '.join(reason.examples)}" if reason.kind is Kind.UNREAD else ""
        table.add_row(reason.severity.value, reason.column, f"{reason.words}{shown}", reason.why)
    out.print(table)
    if bad:
        listed = Table("row", "reasons", "values", title="bad rows", title_justify="left")
        for row in bad:
            values = ", ".join(f"{name}={value}" for name, value in row["values"].items())
            listed.add_row(f"{row['row']:,}", "; ".join(row["reasons"]), values)
        out.print(listed)
    page = f"{opened.url}/{found.report.removesuffix('.json')}.html"
    out.print(f"Report: {page}", soft_wrap=True)
    out.print(f"Next: ckpt-ops quarantine release {model} {key} --why TEXT, or discard", soft_wrap=True)


@app.command()
def release(model: Model, key: Key, why: Why, store: StoreOption = None) -> None:
    """Let a slice pass with all its rows: the next run plans it as any other. A suspect one is trusted."""
    with chosen_store(store) as opened:
        views.state_of(opened, model)
        ref = release_slice(opened, model, key, why, declared=_declared(model))
        state = views.state_of(opened, model)
        (view,) = (one for one in views.slices_view(state, late_within=4) if one["key"] == key)
    out = render.console()
    out.print(f"Slice {key} of {model} is released: revision {ref.revision}, {ref.rows:,} rows.")
    out.print(f"A run of it would {view['action']}: {view['why']}.", soft_wrap=True)
    out.print(f"Next: clear its run in Airflow, or ckpt-ops run {model} --slice {key}", soft_wrap=True)


@app.command()
def discard(model: Model, key: Key, why: Why, store: StoreOption = None) -> None:
    """Give up on what is in quarantine. Nothing is deleted; a corrected slice is validated again."""
    with chosen_store(store) as opened:
        views.state_of(opened, model)
        found = discard_slice(opened, model, key, why)
    what = "is discarded" if found.whole else f"stays without the {found.rows:,} rows set aside"
    render.console().print(f"Slice {key} of {model} {what}.")


def _declared(model: str) -> pa.Schema | None:
    """The columns that the source declares, where the pipeline's code is at hand."""
    from ckpt_ops.pipeline.loading import find_pipelines, load_intake

    return load_intake(model).source.schema if model in find_pipelines() else None


def _bad_rows(store: Store, found: Quarantined, count: int) -> list[dict[str, Any]]:
    if found.whole:
        return []
    import pyarrow.parquet as pq

    try:
        table = pq.read_table(io.BytesIO(store.get(f"{found.prefix}/quarantine/rows.parquet")))
    except ObjectNotFound:
        return []
    bad = []
    for row in table.slice(0, count).to_pylist():
        number, reasons = row.pop("_row"), row.pop("_reasons")
        values = {name: None if value is None else str(value) for name, value in row.items()}
        bad.append({"row": number, "reasons": reasons, "values": values})
    return bad


def _rows(found: Quarantined) -> str:
    return f"{found.rows:,}" if found.whole else f"{found.rows:,} of {found.of_rows:,}"


def _what(found: Quarantined) -> str:
    if found.suspect:
        return "suspect: a candidate was refused for it"
    return "the whole slice" if found.whole else "rows set aside; the rest is accepted"
