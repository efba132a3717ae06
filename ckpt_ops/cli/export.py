"""`ckpt-ops export`: a checkpoint in a format that other tools read."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated

import typer

from ckpt_ops.checkpoints import Manifest, model_variables, read_tensors
from ckpt_ops.checkpoints.committed import committed_manifest
from ckpt_ops.checkpoints.export import Format, check_output, export_model, export_tensors
from ckpt_ops.checkpoints.layer_state import layer_state, restore_model
from ckpt_ops.checkpoints.saved_model import InputSpec
from ckpt_ops.cli import output, views
from ckpt_ops.cli.options import Model, Version
from ckpt_ops.cli.store_option import StoreOption, chosen_store
from ckpt_ops.store import Store

_QUIET = {"TF_CPP_MIN_LOG_LEVEL": "2"}


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
            _export_built(opened, manifest, format, out)
        else:
            about = {"model": model, "version": str(version), "step": str(manifest.step)}
            export_tensors(read_tensors(opened, manifest), out, about=about)
    output.console().print(f"{model} v{version} step {manifest.step} is in {out}, as {format.value}.")


def _export_built(store: Store, manifest: Manifest, format: Format, out: Path) -> None:
    for name, value in _QUIET.items():
        os.environ.setdefault(name, value)
    from ckpt_ops.pipeline import load_pipeline
    from ckpt_ops.pipeline.code.own import is_code_of_today
    from ckpt_ops.pipeline.user_code import build_model

    pipeline = load_pipeline(manifest.model)
    if not is_code_of_today(pipeline, manifest.code_digest):
        note = (
            f"Note: {pipeline.folder} has changed since this version was trained; build_model() of today is"
        )
        output.note(
            f"{note} used. Its variables and vocabularies are checked, what it computes from them is not."
        )
    model = build_model(pipeline)
    restore_model(store, manifest, model, model_variables(model), layer_state(model))
    taken = manifest.structure.get("inputs") or {}
    inputs = {name: InputSpec.read(written) for name, written in taken.items()}
    export_model(model, format, out, inputs=inputs)
