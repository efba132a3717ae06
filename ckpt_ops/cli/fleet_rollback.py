"""`ckpt-ops rollback` of many models."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime

import typer
from rich.table import Table

from ckpt_ops.cli import output
from ckpt_ops.cli.many import ask
from ckpt_ops.errors import BadInput
from ckpt_ops.fleets.rollback import RollbackPlan, Will, plan_rollbacks, roll_back
from ckpt_ops.promotion.decisions import check_reason
from ckpt_ops.store import Store


def roll_back_all(
    store: Store, models: Sequence[str], *, to: int | None, as_of: datetime | None, why: str, yes: bool
) -> None:
    """Show what each model would do, ask once, and do it. Exit code 1: some are not where they were to go."""
    check_reason(why)
    plans = plan_rollbacks(store, models, to=to, at=as_of)
    output.console().print(plan_table(plans))
    going = [one for one in plans if one.will is Will.ROLL_BACK]
    refused = [one for one in plans if one.will is Will.REFUSE]
    failed = 0
    if going:
        ask(f"Roll back {_models(len(going))}?", yes=yes)
        for done in roll_back(store, going, why):
            if done.error:
                failed += 1
                output.note(f"{done.model}: {done.error}")
            else:
                pending = ", ".join(done.pending) or "none"
                output.say(f"Version {done.version} of {done.model} is the head. Pending slices: {pending}")
    output.say(
        f"{_models(len(going) - failed)} rolled back, {failed} failed, {len(refused)} cannot go there, "
        f"{len(plans) - len(going) - len(refused)} were there already."
    )
    if failed or refused:
        output.note("Next: fix what is named above, then run the same command again: what is done stays done")
        raise typer.Exit(1)


def plan_table(plans: Sequence[RollbackPlan]) -> Table:
    """What would become of each."""
    table = Table("model", "head", "to", "what happens")
    for one in plans:
        what = one.will.value + (f": {one.why}" if one.why else "")
        table.add_row(one.model, _number(one.head), _number(one.to), what)
    return table


def moment(text: str) -> datetime:
    """A time that a person wrote, in ISO 8601; without an offset it is UTC. Raises `BadInput`."""
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        raise BadInput("--as-of", text, "a time such as 2013-06-01T12:00, in UTC") from None
    return found if found.tzinfo is not None else found.replace(tzinfo=UTC)


def _models(count: int) -> str:
    return f"{count:,} model{'' if count == 1 else 's'}"


def _number(number: int | None) -> str:
    return "-" if number is None else str(number)
