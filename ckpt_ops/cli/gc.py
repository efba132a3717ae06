"""`ckpt-ops gc`: what nothing needs, removed."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated

import typer
from rich.table import Table

from ckpt_ops.checkpoints.garbage import Garbage, find_garbage, remove_garbage
from ckpt_ops.cli import output
from ckpt_ops.cli.output import Json
from ckpt_ops.cli.store_option import StoreOption, chosen_store
from ckpt_ops.store import Entry, Store
from ckpt_ops.views.sizes import measure_store


def gc(
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Show what would be deleted; change nothing.")
    ] = False,
    grace_hours: Annotated[
        float,
        typer.Option(
            "--grace-hours", min=0.0, help="Younger objects are kept; must be longer than any save takes."
        ),
    ] = 24.0,
    store: StoreOption = None,
    json: Json = False,
) -> None:
    """Delete checkpoints and chunks that nothing needs.

    That is checkpoints that nothing can resume from, intermediate results of rejected versions, old save
    requests, and chunks that no checkpoint names. What promoted versions need is kept.

    Example: ckpt-ops gc --dry-run
    """
    with chosen_store(store) as opened:
        garbage = find_garbage(opened, grace=3600 * grace_hours)
        removed: Sequence[Entry] = () if dry_run else _remove(opened, garbage)
        if not dry_run:
            measure_store(opened)
    chosen = garbage.entries if dry_run else removed
    view = {
        "dry_run": dry_run,
        "objects": [{"name": entry.name, "bytes": entry.size} for entry in chosen],
        "bytes": sum(entry.size for entry in chosen),
        "kept": {
            "checkpoints": garbage.kept_manifests,
            "chunks": garbage.kept_chunks,
            "bytes": garbage.kept_bytes,
        },
    }
    output.answer(view, lambda _: _show(garbage, removed, dry_run=dry_run), json=json)


def _remove(store: Store, garbage: Garbage) -> Sequence[Entry]:
    with output.progress("removing") as progress:
        return remove_garbage(store, garbage, progress)


def _show(garbage: Garbage, removed: Sequence[Entry], *, dry_run: bool) -> None:
    table = Table(title="Would be removed" if dry_run else "Removed")
    table.add_column("what")
    table.add_column("objects", justify="right")
    table.add_column("MB", justify="right")
    gone = {entry.name for entry in (garbage.entries if dry_run else removed)}
    for what, entries in (
        ("checkpoints that nothing resumes from", garbage.manifests),
        ("intermediate results of rejected versions", garbage.results),
        ("old save requests", garbage.requests),
        ("chunks that no checkpoint names", garbage.chunks),
    ):
        sizes = [entry.size for entry in entries if entry.name in gone]
        table.add_row(what, f"{len(sizes):,}", f"{sum(sizes) / 1e6:,.1f}")
    out = output.console()
    out.print(table)
    out.print(
        f"Kept: {garbage.kept_manifests:,} checkpoints, {garbage.kept_chunks:,} chunks, "
        f"{garbage.kept_bytes / 1e6:,.1f} MB"
    )
