"""Commands on what comes in, without a model: which slices are missing, late or not pulled."""

from __future__ import annotations

from collections import Counter
from dataclasses import asdict
from typing import TYPE_CHECKING

from rich.table import Table

from ckpt_ops.cli import render
from ckpt_ops.cli.store_option import chosen_store

if TYPE_CHECKING:
    from ckpt_ops.pipeline import Intake


def show_intake_plan(
    intake: Intake, first: str | None, last: str | None, store: str | None, json: bool
) -> None:
    """What a run of each slice of an intake would do. Changes nothing."""
    from ckpt_ops.pipeline.intake_plan import Coming, plan_intake

    with chosen_store(store) as opened, render.progress("looking at the source") as progress:
        found = plan_intake(intake, opened, first, last, progress=progress)
    if json:
        render.as_json([asdict(one) for one in found])
        return
    out = render.console()
    if not found:
        out.print(f"Source {intake.source.name} has no slice in this range.")
        return
    table = Table("slice", "a run would", "status", "rows", "why")
    for one in found:
        rows = "-" if one.rows is None else f"{one.rows:,}"
        table.add_row(one.key, one.action.value, one.status or "new", rows, one.why)
    out.print(table)
    counts = Counter(one.action for one in found)
    out.print(", ".join(f"{count} {action}" for action, count in counts.items()))
    todo = [one.key for one in found if one.action not in (Coming.SKIP, Coming.MISSING)]
    if todo:
        out.print(f"Next: ckpt-ops run {intake.name} --from {todo[0]} --to {todo[-1]}", soft_wrap=True)
