"""`ckpt-ops repair`: the stores of a replicated store, compared and made equal."""

from __future__ import annotations

import dataclasses
from typing import Annotated

import typer
from rich.filesize import decimal
from rich.table import Table

from ckpt_ops.cli import output
from ckpt_ops.cli.output import Json
from ckpt_ops.cli.store_option import StoreOption, chosen_store
from ckpt_ops.errors import BadInput, Corrupt
from ckpt_ops.store import ReplicatedStore
from ckpt_ops.store.replication.repair import Repair
from ckpt_ops.store.replication.repair import repair as repair_store

_SHOWN = 20


def repair(
    store: StoreOption = None,
    deep: Annotated[
        bool, typer.Option("--deep", help="Read every object of every store, and hash every chunk.")
    ] = False,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Show what would be copied; change nothing.")
    ] = False,
    json: Json = False,
) -> None:
    """Make the stores of a replicated store equal.

    Each store gets the objects that it lacks; damaged chunks are replaced from a store that has them whole.
    Exit code 1: stores differ in a way that only a person can settle, or an object is damaged everywhere.

    Example: ckpt-ops repair --store gs://bucket-a/models,gs://bucket-b/models --dry-run
    """
    with chosen_store(store) as opened:
        if not isinstance(opened, ReplicatedStore):
            raise BadInput(
                "CKPT_OPS_STORE",
                opened.url,
                "a replicated store: two or three URLs separated by commas, the primary first",
                next="CKPT_OPS_STORE=gs://FIRST,gs://SECOND ckpt-ops repair",
            )
        with output.progress("comparing") as progress:
            outcome = repair_store(opened, deep=deep, dry_run=dry_run, progress=progress)
    view = {**dataclasses.asdict(outcome), "dry_run": dry_run, "deep": deep}
    output.answer(view, lambda _: _show(outcome, dry_run), json=json)
    _refuse_conflicts(outcome)


def _show(outcome: Repair, dry_run: bool) -> None:
    table = Table("store", "missing", "damaged", "would be copied" if dry_run else "copied", "bytes")
    for number, each in enumerate(outcome.replicas):
        name = f"{each.url} (primary)" if number == 0 else each.url
        counts = (each.missing, each.damaged, each.copied)
        table.add_row(name, *(f"{count:,}" for count in counts), decimal(each.nbytes))
    out = output.console()
    out.print(table)
    if not (outcome.conflicts or outcome.lost):
        done = any(each.missing + each.damaged for each in outcome.replicas)
        state = "differ" if done and dry_run else "are equal"
        out.print(f"{outcome.objects:,} objects; the stores {state}.")


def _refuse_conflicts(outcome: Repair) -> None:
    """Raises `Corrupt`: what only a person can settle was left as it is."""
    lines = [str(conflict) for conflict in outcome.conflicts]
    lines += [f"{name} is damaged at every store that holds it" for name in outcome.lost]
    if lines:
        more = [f"and {len(lines) - _SHOWN} more; --json lists them"] if len(lines) > _SHOWN else []
        raise Corrupt(
            "\n".join(lines[:_SHOWN] + more),
            safe="none of these was changed, and nothing was copied of a log that differs",
            next="docs/how-to/redundant-store.md, 'When stores differ'",
        )
