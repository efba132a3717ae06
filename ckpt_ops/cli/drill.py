"""`ckpt-ops drill`: a checkpoint, restored for practice."""

from __future__ import annotations

import secrets
from typing import Annotated

import typer
from rich.table import Table

from ckpt_ops.cli import output, views
from ckpt_ops.cli.options import Model
from ckpt_ops.cli.output import Json
from ckpt_ops.cli.store_option import StoreOption, chosen_store
from ckpt_ops.diagnostics.drill import pick, run_drill
from ckpt_ops.pipeline import load_pipeline


def drill(
    model: Model,
    version: Annotated[int | None, typer.Option(help="Number of the version; any by default.")] = None,
    seed: Annotated[
        int | None, typer.Option(help="Seed of the choice; the same one picks the same checkpoint.")
    ] = None,
    store: StoreOption = None,
    json: Json = False,
) -> None:
    """Restore a checkpoint in a fresh process and train one step.

    The checkpoint is picked at random. Every restored variable is compared with it, bit for bit. Nothing is
    written.

    Example: ckpt-ops drill flight_delay --version 7
    """
    seed = secrets.randbelow(2**32) if seed is None else seed
    with chosen_store(store) as opened:
        state = views.state_of(opened, model)
        versions = sorted(state.versions) if version is None else [version]
        number, step = pick(opened, state, versions, seed)
        output.note(f"seed {seed}: version {number}, step {step}")
        result = run_drill(load_pipeline(model), opened, number, step)
    found = {"model": model, "version": number, "step": step, "seed": seed, **result.to_json()}
    output.answer(found, _show, json=json)


def _show(view: views.View) -> None:
    seconds = view["seconds"]
    table = Table("seconds", "what", title_justify="left", title=f"{view['model']} v{view['version']}")
    for name, what in (
        ("import_and_build", "import TensorFlow and build the model"),
        ("read_and_restore", f"read and restore {view['bytes']:,} bytes"),
        ("load_data", "load the version's own data"),
        ("first_step", "first step, compiling included"),
        ("total", "all of it, the start of the process included"),
    ):
        table.add_row(f"{seconds[name]:.2f}", what)
    out = output.console()
    out.print(table)
    out.print(f"All {view['variables']} variables equal the checkpoint of step {view['step']}, bit for bit.")
    batch = "the next one of that training" if view["next_batch"] else "not the next one of that training"
    loss = "it reports no loss" if view["loss"] is None else f"its loss was {view['loss']:.4f}"
    out.print(f"The step's batch was {batch}; {loss}.")
    if predictions := view.get("predictions"):
        out.print(f"The model's {predictions['words']}.", soft_wrap=True)
