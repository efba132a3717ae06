"""`ckpt-ops quarantine`: what is in quarantine, why, and what a person decides on it."""

from __future__ import annotations

import io
from collections.abc import Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.table import Table

from ckpt_ops.cli import output, views
from ckpt_ops.cli.options import Model, SliceKey, Why
from ckpt_ops.cli.output import Json
from ckpt_ops.cli.store_option import StoreOption, chosen_store
from ckpt_ops.errors import ObjectNotFound
from ckpt_ops.intake.quarantine import discard as discard_slice
from ckpt_ops.intake.quarantine import release as release_slice
from ckpt_ops.lineage.quarantined import Quarantined, in_quarantine, one_in_quarantine
from ckpt_ops.store import Store
from ckpt_ops.validation import Kind, Validation, read_verdict
from ckpt_ops.views import StoreViews, plain
from ckpt_ops.views.building.slices import slice_rows

if TYPE_CHECKING:
    from ckpt_ops.slices import SliceSource

app = typer.Typer(
    name="quarantine",
    help="List, show, release or discard what is in quarantine.\n\n"
    "In quarantine are slices that failed validation, suspect slices, and bad rows that were set aside.\n\n"
    "Example: ckpt-ops quarantine list flight_delay",
    no_args_is_help=True,
)


@app.command("list")
def list_(model: Model, store: StoreOption = None, json: Json = False) -> None:
    """List what is in quarantine and awaits a decision.

    Example: ckpt-ops quarantine list flight_delay
    """
    with chosen_store(store) as opened:
        found = in_quarantine(views.state_of(opened, model))
    output.answer([asdict(one) for one in found], lambda _: _show_list(model, found), json=json)


def _show_list(model: str, found: Sequence[Quarantined]) -> None:
    out = output.console()
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
    key: SliceKey,
    store: StoreOption = None,
    rows: Annotated[int, typer.Option("--rows", min=0, help="How many bad rows to show.")] = 10,
    json: Json = False,
) -> None:
    """Show why a slice is in quarantine, with the bad rows set aside.

    Example: ckpt-ops quarantine show flight_delay 2013-01-27
    """
    with chosen_store(store) as opened:
        found = one_in_quarantine(views.state_of(opened, model), key)
        verdict = read_verdict(opened, found.report)
        bad = _bad_rows(opened, found, rows)
        url = opened.url
    reasons = [asdict(reason) for reason in verdict.reasons]
    view = {**asdict(found), "reasons": reasons, "bad_rows": bad}
    output.answer(view, lambda _: _show_one(model, found, verdict, bad, url), json=json)


def _show_one(
    model: str, found: Quarantined, verdict: Validation, bad: Sequence[dict[str, Any]], url: str
) -> None:
    out = output.console()
    out.print(f"{found.source} {found.key}, revision {found.revision}: {_rows(found)} rows, {_what(found)}")
    table = Table("severity", "column", "what", "why it is asked")
    for reason in verdict.reasons:
        shown = f". {'; '.join(reason.examples)}" if reason.kind is Kind.UNREAD else ""
        table.add_row(reason.severity.value, reason.column, f"{reason.message}{shown}", reason.why)
    out.print(table)
    if bad:
        listed = Table("row", "reasons", "values", title="bad rows", title_justify="left")
        for row in bad:
            values = ", ".join(f"{name}={value}" for name, value in row["values"].items())
            listed.add_row(f"{row['row']:,}", "; ".join(row["reasons"]), values)
        out.print(listed)
    page = f"{url}/{found.report.removesuffix('.json')}.html"
    output.say(f"Report: {page}")
    output.say(f"Next: ckpt-ops quarantine release {model} {found.key} --why TEXT, or discard")


@app.command()
def release(model: Model, key: SliceKey, why: Why, store: StoreOption = None) -> None:
    """Release a slice with all its rows, as if it had passed.

    The next run of the slice plans it like any other. A suspect slice is trained on again.

    Example: ckpt-ops quarantine release flight_delay 2013-01-27 --why "a holiday week"
    """
    with chosen_store(store) as opened:
        views.state_of(opened, model)
        ref = release_slice(opened, model, key, why, source=_source(model))
        shown = StoreViews(opened, keep=False)
        (view,) = plain(slice_rows(shown.state(model), [key], shown.description(model)))
    out = output.console()
    out.print(f"Slice {key} of {model} is released: revision {ref.revision}, {ref.rows:,} rows.")
    out.print(f"A run of it would {view['action']}: {view['why']}.", soft_wrap=True)
    out.print(f"Next: clear its run in Airflow, or ckpt-ops run {model} --slice {key}", soft_wrap=True)


@app.command()
def discard(model: Model, key: SliceKey, why: Why, store: StoreOption = None) -> None:
    """Discard what is in quarantine: nothing trains on it.

    Nothing is deleted. A corrected slice, delivered later, is validated as any slice.

    Example: ckpt-ops quarantine discard flight_delay 2013-01-27 --why "sensor was broken"
    """
    with chosen_store(store) as opened:
        views.state_of(opened, model)
        found = discard_slice(opened, model, key, why)
    what = "is discarded" if found.whole else f"stays without the {found.rows:,} rows set aside"
    output.console().print(f"Slice {key} of {model} {what}.")


def _source(model: str) -> SliceSource | None:
    """What declares the columns, where the pipeline's code is at hand."""
    from ckpt_ops.pipeline.loading import is_described, load_intake

    return load_intake(model).source if is_described(model) else None


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
        return "suspect: a candidate was rejected because of it"
    return "the whole slice" if found.whole else "rows set aside; the rest is accepted"
