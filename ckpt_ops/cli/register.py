"""`ckpt-ops register`: model registries, as the log says."""

from __future__ import annotations

from typing import Annotated

import typer

from ckpt_ops.cli import output
from ckpt_ops.cli.options import Model
from ckpt_ops.cli.store_option import StoreOption, chosen_store
from ckpt_ops.errors import BadInput
from ckpt_ops.pipeline import load_pipeline
from ckpt_ops.registries import register as register_versions


def register(
    model: Model,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only show what would be done.")] = False,
    store: StoreOption = None,
) -> None:
    """Make the model registries match the log.

    Versions that were promoted and that a registry of the pipeline lacks are added; what it calls production
    becomes the version that is. Run it after a rollback, or let the DAG MODEL_register do it.

    Example: ckpt-ops register flight_delay --dry-run
    """
    pipeline = load_pipeline(model)
    if not pipeline.registries:
        raise BadInput(
            "registries", (), f"a registry of {model}", next="add Pipeline(registries=(MLflow(uri=...),))"
        )
    rows = []
    with chosen_store(store) as opened:
        for registry in pipeline.registries:
            done = register_versions(opened, model, registry, dry_run=dry_run, report=output.say)
            rows.append((done.registry, done.added, done.production, done.moved))
    for name, added, production, moved in rows:
        would = "would be " if dry_run else ""
        versions = ", ".join(map(str, added)) or "none"
        there = "none" if production is None else f"version {production}"
        how = f"{would}set" if moved else "as it was"
        output.say(f"{name}: versions {would}added: {versions}; production: {there}, {how}")
