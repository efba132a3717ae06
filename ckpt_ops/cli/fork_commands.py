"""Commands on a history that should have been another: what is due, and carrying it out."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Annotated

import typer
from rich.table import Table

from ckpt_ops import serving
from ckpt_ops.cli import render, views
from ckpt_ops.cli.intake_commands import show_intake_plan
from ckpt_ops.cli.read_commands import Json, Model
from ckpt_ops.cli.store_option import StoreOption, chosen_store
from ckpt_ops.cli.write_commands import Key, Why
from ckpt_ops.errors import BadInput, TerminalError
from ckpt_ops.lineage.changed_at_source import changed_view

if TYPE_CHECKING:
    from ckpt_ops.pipeline import Pipeline

From = Annotated[
    str | None,
    typer.Option("--from", metavar="KEY", help="The first slice, by its key or its start, UTC."),
]
To = Annotated[
    str | None, typer.Option("--to", metavar="KEY", help="The last slice, likewise; a date is its whole day.")
]


def plan(
    model: Annotated[str, typer.Argument(metavar="MODEL_OR_INTAKE", help="A folder of dags/.")],
    start: From = None,
    end: To = None,
    store: StoreOption = None,
    json: Json = False,
) -> None:
    """What a rebase would do; with --from and --to, what a backfill would do. Changes nothing.

    Of an intake: which slices are missing, late or not pulled, and what a run of each would do.
    """
    from ckpt_ops.pipeline import Pipeline, load_intake

    described = load_intake(model)
    if not isinstance(described, Pipeline):
        show_intake_plan(described, start, end, store, json)
        return
    if (start is None) != (end is None):
        raise BadInput("--from/--to", None, "both of them, or none: a rebase needs no range")
    if start is not None and end is not None:
        from ckpt_ops.pipeline.ranges import first_moment, last_moment

        _plan_backfill(described, first_moment("--from", start), last_moment("--to", end), store, json)
    else:
        _plan_rebase(described, store, json)


def rebase(model: Model, store: StoreOption = None, json: Json = False) -> None:
    """Learn again what came after a corrected, withdrawn, tainted or late slice; judge it; swap the head."""
    from ckpt_ops.pipeline import load_pipeline
    from ckpt_ops.pipeline.rebase import rebasing
    from ckpt_ops.pipeline.step_results import Settlement, to_json

    pipeline = load_pipeline(model)
    out = render.console()
    with chosen_store(store) as opened:
        views.state_of(opened, model)
        done = rebasing.rebase(pipeline, opened, (lambda line: None) if json else out.print)
    if json:
        render.as_json(to_json(done))
    settled = done.settled
    if settled.decision not in (Settlement.PROMOTED, Settlement.WAITING):
        override = f"ckpt-ops promote {model} {settled.version} --approve --despite-gates --why TEXT"
        raise TerminalError(
            f"the rebase of {model} was {settled.decision}: {settled.why}",
            safe=f"the champion serves on; version {settled.version} and the steps before it are kept",
            next=f"ckpt-ops show {model} {settled.version}; with other gates, run this again, or {override}",
        )


def taint(
    model: Model,
    slice_key: Key,
    why: Why,
    lift: Annotated[bool, typer.Option("--lift", help="Take a taint back.")] = False,
    store: StoreOption = None,
) -> None:
    """Mark a slice as poisoned: what learned from it is no parent and is not promoted any more."""
    with chosen_store(store) as opened:
        views.state_of(opened, model)
        change = serving.lift_taint if lift else serving.taint
        state = change(opened, model, slice_key, why)
    out = render.console()
    if lift:
        out.print(f"Slice {slice_key} of {model} is not tainted any more.")
        return
    said = [one for one in state.tainted.values() if one.slice.key == slice_key][-1]
    learned = state.learned({said.slice.id})
    marked = [str(number) for number in learned if state.versions[number].trained is not None]
    out.print(f"Slice {slice_key} of {model} is tainted. Marked versions: {', '.join(marked) or 'none'}")
    if state.taint(state.head) is not None:
        out.print(f"The champion, version {state.head}, is among them. Next: ckpt-ops plan {model}")


def resolve(
    model: Model,
    slice_key: Key,
    why: Why,
    fork: Annotated[
        bool | None,
        typer.Option("--fork/--append", help="Learn it where it belongs, or behind what was consumed."),
    ] = None,
    store: StoreOption = None,
) -> None:
    """Say what becomes of a slice that came too late to be appended by itself."""
    if fork is None:
        raise BadInput("--fork/--append", None, "one of them")
    with chosen_store(store) as opened:
        views.state_of(opened, model)
        serving.resolve(opened, model, slice_key, why, fork=fork)
    next_ = f"ckpt-ops plan {model}, then ckpt-ops rebase {model}"
    if not fork:
        next_ = f"clear its run in Airflow, or ckpt-ops run {model} --slice {slice_key}"
    how = "by a fork" if fork else "behind what was consumed"
    render.console().print(
        f"Slice {slice_key} of {model} will be learned {how}.\nNext: {next_}", soft_wrap=True
    )


def _plan_rebase(pipeline: Pipeline, store: str | None, json: bool) -> None:
    from ckpt_ops.pipeline.rebase.view import anchor_words, estimate_words, fork_words, plan_view

    model = pipeline.name
    with chosen_store(store) as opened:
        state = views.state_of(opened, model)
        view = plan_view(pipeline, state)
    changed = changed_view(state)
    if json:
        render.as_json(None if view is None else {**view, "changed_at_source": changed})
        return
    out = render.console()
    render.show_changed(model, changed)
    if view is None:
        out.print(f"Version {state.head} of {model} has learned what it should have: nothing to rebase.")
        return
    changes = Table("slice", "what", "was", "becomes", "why", title="what changed", title_justify="left")
    for one in view["changes"]:
        changes.add_row(one["key"], one["what"], one["was"] or "-", one["now"] or "nothing", one["why"])
    out.print(changes)
    steps = Table(
        "step", "slices", "rows", "in place of", "state", title=fork_words(view), title_justify="left"
    )
    for number, step in enumerate(view["replay"], start=1):
        keys = ", ".join(ref["key"] for ref in step["slices"])
        place = "-" if step["stands_for"] is None else f"version {step['stands_for']}"
        done = f"trained: version {step['done_by']}" if step["done_by"] else "to train"
        steps.add_row(str(number), keys, f"{step['rows']:,}", place, done)
    out.print(steps)
    out.print(f"Versions whose place is taken: {', '.join(map(str, view['replaced'])) or 'none'}")
    out.print(estimate_words(view))
    if view["anchor_cost"]["candidates"]:
        out.print(anchor_words(view), soft_wrap=True)
    out.print(f"Next: ckpt-ops rebase {model}, or trigger the DAG {model}_rebase")


def _plan_backfill(pipeline: Pipeline, start: datetime, end: datetime, store: str | None, json: bool) -> None:
    from dataclasses import asdict

    from ckpt_ops.pipeline.backfill import plan_backfill

    model = pipeline.name
    with chosen_store(store) as opened, render.progress("looking at the source") as progress:
        found = plan_backfill(pipeline, opened, start, end, progress=progress)
    if json:
        render.as_json([asdict(one) for one in found])
        return
    out = render.console()
    if not found:
        out.print(f"Source {pipeline.source.name} has no slice in this range.")
        return
    table = Table("slice", "a run would", "status", "rows", "consumed by", "why")
    for one in found:
        rows = "-" if one.rows is None else f"{one.rows:,}"
        by = "-" if one.consumed_by is None else f"version {one.consumed_by}"
        table.add_row(one.key, one.action, one.status or "new", rows, by, one.why)
    out.print(table)
    counts = {one.action: sum(other.action == one.action for other in found) for one in found}
    out.print(", ".join(f"{count} {action}" for action, count in counts.items()))
    late = [one.key for one in found if one.undecided]
    if late:
        out.print(f"Next: ckpt-ops resolve {model} --slice {late[0]} --append (or --fork) --why TEXT")
