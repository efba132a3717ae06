"""The process that writes a checkpoint in a format that needs the model, by the code of its version."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from ckpt_ops.candidates.given import of_manifest
from ckpt_ops.checkpoints import model_variables
from ckpt_ops.checkpoints.committed import committed_manifest
from ckpt_ops.checkpoints.export import Format, export_model
from ckpt_ops.checkpoints.layer_state import layer_state, restore_model
from ckpt_ops.checkpoints.saved_model import InputSpec
from ckpt_ops.errors import CkptOpsError, ExportFailed
from ckpt_ops.lineage import ModelLog
from ckpt_ops.pipeline.code.own import is_code_of_today
from ckpt_ops.pipeline.code.then import code_of_version
from ckpt_ops.pipeline.model_work import ModelRequest, run_work
from ckpt_ops.pipeline.pipeline import Pipeline
from ckpt_ops.pipeline.user_code import build_model
from ckpt_ops.store import Store
from ckpt_ops.worker import Ended, Note, tell


@dataclass(frozen=True, kw_only=True)
class ExportRequest(ModelRequest):
    """Write the committed checkpoint at `step` to `out`."""

    step: int
    format: Format
    out: Path


@dataclass(frozen=True, kw_only=True)
class Exported:
    """It is written."""

    out: Path


def run_export(
    pipeline: Pipeline,
    store: Store,
    number: int,
    step: int,
    format: Format,
    out: Path,
    note: Callable[[str], None],
) -> None:
    """As `export_apart`, in a process of its own, by the code that the version was trained by.

    Args:
        note: gets what a person should know of it.

    Raises:
        ExportFailed: the process ended without an answer, or the model cannot be written.
        CkptOpsError: what it raised, as it raised it.
    """

    def died(ended: Ended) -> CkptOpsError:
        return ExportFailed(
            f"the process that exports {pipeline.name} v{number} {ended.message}",
            safe="the checkpoint is intact",
            next=f"run the command again; the whole log is {ended.log}",
        )

    version = ModelLog(store, pipeline.name).state().version(number)
    request = ExportRequest(
        pipeline=pipeline.name,
        store=store.url,
        version=number,
        step=step,
        format=format,
        out=out.absolute(),
    )
    with code_of_version(pipeline, store, version) as code:
        run_work(
            export_apart,
            request,
            pipeline,
            named="export",
            code=code,
            progress=lambda one: note(one.text) if isinstance(one, Note) else None,
            died=died,
        )


def export_apart(request: ExportRequest) -> Exported:
    """Build the model, restore the checkpoint into it and write it."""
    pipeline, store = request.opened()
    manifest = committed_manifest(store, pipeline.name, request.version, step=request.step)
    if not is_code_of_today(pipeline, manifest.code_digest):
        tell(
            Note(
                text=f"Note: {pipeline.name} has changed since this version was trained, and no copy of its "
                "code was kept: build_model() of today is used. Its variables and vocabularies are checked, "
                "what it computes from them is not."
            )
        )
    model = build_model(pipeline, of_manifest(store, manifest))
    restore_model(store, manifest, model, model_variables(model), layer_state(model))
    taken = manifest.structure.get("inputs") or {}
    inputs = {name: InputSpec.read(written) for name, written in taken.items()}
    export_model(model, request.format, request.out, inputs=inputs)
    return Exported(out=request.out)
