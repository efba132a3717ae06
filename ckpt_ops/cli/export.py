"""`ckpt-ops export`: a checkpoint in a format that other tools read."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from ckpt_ops.checkpoints import read_tensors
from ckpt_ops.checkpoints.committed import committed_manifest
from ckpt_ops.checkpoints.export import Format, check_output, export_tensors
from ckpt_ops.cli import output, views
from ckpt_ops.cli.options import Model, Version
from ckpt_ops.cli.store_option import StoreOption, chosen_store


def export(
    model: Model,
    version: Version,
    out: Annotated[Path, typer.Argument(metavar="OUT", help="File or folder to write; it must not exist.")],
    format: Annotated[
        Format, typer.Option("--format", help="Format to write; safetensors needs no TensorFlow.")
    ],
    step: Annotated[
        int | None, typer.Option(help="A committed step of the version; the last by default.")
    ] = None,
    store: StoreOption = None,
) -> None:
    """Write a checkpoint in a format that other tools read.

    Example: ckpt-ops export flight_delay 7 model.safetensors --format safetensors
    """
    check_output(out, format)
    with chosen_store(store) as opened:
        views.state_of(opened, model).version(version)
        manifest = committed_manifest(opened, model, version, step=step)
        if format.needs_model:
            from ckpt_ops.pipeline import load_pipeline
            from ckpt_ops.serving.checkpoint_export import run_export

            run_export(load_pipeline(model), opened, version, manifest.step, format, out, output.note)
        else:
            about = {"model": model, "version": str(version), "step": str(manifest.step)}
            export_tensors(read_tensors(opened, manifest), out, about=about)
    output.console().print(f"{model} v{version} step {manifest.step} is in {out}, as {format.value}.")
