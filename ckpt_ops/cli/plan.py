"""`ckpt-ops plan`: what a rebase, a backfill or a run of an intake would do."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict
from datetime import datetime
from typing import Annotated

import typer
from rich.table import Column, Table

from ckpt_ops.candidates.transfer_preview import TransferPreview, preview
from ckpt_ops.cli import output, render, views
from ckpt_ops.cli.options import ModelOrIntake
from ckpt_ops.cli.output import Json
from ckpt_ops.cli.store_option import StoreOption, chosen_store
from ckpt_ops.errors import BadInput, CkptOpsError
from ckpt_ops.lineage import LineageState
from ckpt_ops.lineage.changed_at_source import changed_view
from ckpt_ops.pipeline import Intake, Pipeline, load_intake
from ckpt_ops.rebase.view import anchor_message, estimate_message, fork_message, plan_view
from ckpt_ops.runs.backfill import SlicePlan, plan_backfill
from ckpt_ops.runs.intake_plan import Arrival, SliceArrival, plan_intake
from ckpt_ops.runs.ranges import first_moment, last_moment
from ckpt_ops.slices.declared import in_words_for
from ckpt_ops.store import Store

From = Annotated[
    str | None,
    typer.Option("--from", metavar="KEY", help="First slice, by its key or by when it starts, UTC."),
]
To = Annotated[
    str | None,
    typer.Option(
        "--to",
        metavar="KEY",
        help="Last slice, by its key or by when it starts; a date stands for the whole day.",
    ),
]


def plan(
    model: ModelOrIntake,
    start: From = None,
    end: To = None,
    store: StoreOption = None,
    json: Json = False,
) -> None:
    """Show what a rebase, or a backfill of a range, would do.

    Without a range: the rebase that is due, its steps and their cost; and, when the model's code has changed,
    what becomes of the variables of the version in production. With --from and --to: what a run of each slice
    in the range would do. Of an intake: which slices are missing, late or not pulled. Nothing is changed.

    Example: ckpt-ops plan flight_delay --from 2013-01-06 --to 2013-02-03
    """
    described = load_intake(model)
    if not isinstance(described, Pipeline):
        _plan_intake(described, start, end, store, json)
        return
    if (start is None) != (end is None):
        raise BadInput("--from/--to", None, "both of them, or none: a rebase needs no range")
    if start is not None and end is not None:
        _plan_backfill(described, first_moment("--from", start), last_moment("--to", end), store, json)
    else:
        _plan_rebase(described, store, json)


def _plan_rebase(pipeline: Pipeline, store: str | None, json: bool) -> None:
    with chosen_store(store) as opened:
        state = views.state_of(opened, pipeline.name)
        view = plan_view(pipeline, state)
        transfer, untold = _transfer(pipeline, opened, state)
    changed = changed_view(state)
    found = None if view is None else {**view, "changed_at_source": changed}
    if transfer is not None:
        found = {**(found or {}), "transfer": asdict(transfer)}
    elif untold is not None:
        found = {**(found or {}), "transfer": {"error": str(untold)}}

    def draw(_: views.View | None) -> None:
        render.show_changed(pipeline.name, changed)
        if transfer is not None:
            _show_transfer(pipeline.name, transfer)
        if untold is not None:
            output.say(f"What the next version of {pipeline.name} begins with cannot be told: {untold}")
        due = view
        if due is None:
            output.say(
                f"Version {state.head} of {pipeline.name} is trained on the right slices: nothing to rebase."
            )
        else:
            _show_rebase(pipeline.name, due)

    output.answer(found, draw, json=json)


def _transfer(
    pipeline: Pipeline, store: Store, state: LineageState
) -> tuple[TransferPreview | None, CkptOpsError | None]:
    """The preview, or why there is none: a rebase can be planned whatever the model's code does."""
    try:
        return preview(pipeline, store, state), None
    except CkptOpsError as error:
        return None, error


def _show_transfer(model: str, found: TransferPreview) -> None:
    """Every weight, and what else is not carried over as it is."""
    out = output.console()
    table = Table(
        Column("variable", overflow="fold"),
        "what",
        "was",
        "is",
        "bytes",
        "kept",
        "note",
        title="what the next version begins with",
        title_justify="left",
    )
    shown = [row for row in found.rows if row.move != "carried" or not row.name.startswith("optimizer/")]
    for row in shown:
        kept = "-" if not row.before else f"{row.kept:.0%}"
        nbytes = f"{row.nbytes:,}" if row.after else "-"
        table.add_row(row.name, row.move, row.before or "-", row.after or "-", nbytes, kept, row.note)
    out.print(table)
    for place, message in found.changed.items():
        output.say(f"{place}: {message}")
    output.say(
        f"The code of {model} has changed since version {found.parent}. {found.message[:1].upper()}"
        f"{found.message[1:]}."
    )
    if found.objections:
        output.say("No candidate is trained like this:")
        for one in found.objections:
            output.say(f"  {one}")
        output.say(f"Next: {found.next}")


def _show_rebase(model: str, view: views.View) -> None:
    out = output.console()
    changes = Table("slice", "what", "was", "becomes", "why", title="what changed", title_justify="left")
    for one in view["changes"]:
        changes.add_row(one["key"], one["what"], one["was"] or "-", one["now"] or "nothing", one["why"])
    out.print(changes)
    steps = Table(
        "step", "slices", "rows", "in place of", "state", title=fork_message(view), title_justify="left"
    )
    for number, step in enumerate(view["replay"], start=1):
        keys = ", ".join(ref["key"] for ref in step["slices"])
        place = "-" if step["stands_for"] is None else f"version {step['stands_for']}"
        done = f"trained: version {step['done_by']}" if step["done_by"] else "to train"
        steps.add_row(str(number), keys, f"{step['rows']:,}", place, done)
    out.print(steps)
    out.print(f"Versions whose place is taken: {', '.join(map(str, view['replaced'])) or 'none'}")
    out.print(estimate_message(view))
    if view["anchor_cost"]["candidates"]:
        output.say(anchor_message(view))
    out.print(f"Next: ckpt-ops rebase {model}, or trigger the DAG {model}_rebase")


def _plan_backfill(pipeline: Pipeline, start: datetime, end: datetime, store: str | None, json: bool) -> None:
    with chosen_store(store) as opened, output.progress("looking at the source") as progress:
        found = plan_backfill(pipeline, opened, start, end, progress=progress)
    output.answer([asdict(one) for one in found], lambda _: _show_backfill(pipeline, found), json=json)


def _show_backfill(pipeline: Pipeline, found: Sequence[SlicePlan]) -> None:
    out = output.console()
    if not found:
        out.print(f"Source {pipeline.source.name} has no slice in this range.")
        return
    table = Table("slice", "a run would", "status", "rows", "consumed by", "why")
    for one in found:
        rows = "-" if one.rows is None else f"{one.rows:,}"
        by = "-" if one.consumed_by is None else f"version {one.consumed_by}"
        table.add_row(one.key, one.action, one.status or "new", rows, by, one.why)
    out.print(table)
    for line in in_words_for(pipeline.source, [one.key for one in found]):
        output.say(line)
    counts = Counter(one.action for one in found)
    out.print(", ".join(f"{count} {action}" for action, count in counts.items()))
    late = [one.key for one in found if one.undecided]
    if late:
        out.print(f"Next: ckpt-ops resolve {pipeline.name} --slice {late[0]} --append (or --fork) --why TEXT")


def _plan_intake(intake: Intake, first: str | None, last: str | None, store: str | None, json: bool) -> None:
    with chosen_store(store) as opened, output.progress("looking at the source") as progress:
        found = plan_intake(intake, opened, first, last, progress=progress)
    output.answer([asdict(one) for one in found], lambda _: _show_intake(intake, found), json=json)


def _show_intake(intake: Intake, found: Sequence[SliceArrival]) -> None:
    out = output.console()
    if not found:
        out.print(f"Source {intake.source.name} has no slice in this range.")
        return
    table = Table("slice", "a run would", "status", "rows", "why")
    for one in found:
        rows = "-" if one.rows is None else f"{one.rows:,}"
        table.add_row(one.key, one.action.value, one.status or "new", rows, one.why)
    out.print(table)
    for line in in_words_for(intake.source, [one.key for one in found]):
        output.say(line)
    counts = Counter(one.action for one in found)
    out.print(", ".join(f"{count} {action}" for action, count in counts.items()))
    todo = [one.key for one in found if one.action not in (Arrival.SKIP, Arrival.MISSING)]
    if todo:
        output.say(f"Next: ckpt-ops run {intake.name} --from {todo[0]} --to {todo[-1]}")
