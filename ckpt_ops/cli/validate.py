"""`ckpt-ops validate`: what an expectation suite would have made of past slices."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer
from rich.table import Table

from ckpt_ops.cli import output, views
from ckpt_ops.cli.options import FromKey, ModelOrIntake, ToKey
from ckpt_ops.cli.output import Json
from ckpt_ops.cli.run import NOT_ACCEPTED
from ckpt_ops.cli.store_option import StoreOption, chosen_store
from ckpt_ops.errors import BadInput
from ckpt_ops.intake.suite_trial import Tried, describe, try_suite
from ckpt_ops.pipeline import load_intake
from ckpt_ops.validation import Outcome, load_suite


def validate(
    name: ModelOrIntake,
    suite: Annotated[
        Path | None,
        typer.Option("--suite", metavar="FILE", help="Expectations to try; by default the pipeline's own."),
    ] = None,
    first: FromKey = None,
    last: ToKey = None,
    store: StoreOption = None,
    json: Json = False,
) -> None:
    """Try an expectation suite on past slices.

    Of each slice that was taken in: its status today, and what the suite would make of it and why. Nothing is
    written. Exit code 4: the suite would quarantine a slice.

    Example: ckpt-ops validate flight_delay --suite stricter.json --from 2013-01-06
    """
    intake = load_intake(name)
    tried = load_suite(suite or intake.folder / intake.expectations)
    with chosen_store(store) as opened, output.progress("validating") as progress:
        views.state_of(opened, name)
        found = try_suite(intake, opened, tried, first, last, progress=progress)
    if not found:
        raise BadInput(
            "--from/--to",
            f"{first or 'the first'} to {last or 'the last'}",
            f"a range in which {name} has taken in a slice",
            next=f"ckpt-ops slices {name}",
        )
    listed = [{**asdict(one), "differs": one.differs} for one in found]
    output.answer(listed, lambda _: _show(found, f"Suite {tried.name} {describe(found)}."), json=json)
    if any(one.outcome is Outcome.QUARANTINED for one in found):
        raise typer.Exit(NOT_ACCEPTED)


def _show(found: Sequence[Tried], sum_up: str) -> None:
    table = Table("slice", "rows", "is", "would be", "why")
    for one in found:
        would = one.outcome.value if one.outcome else "gone from the store"
        why = "\n".join(one.reasons) or one.summary
        table.add_row(one.key, f"{one.rows:,}", one.today, would, why)
    output.console().print(table)
    output.say(f"{sum_up} Nothing was written.")
