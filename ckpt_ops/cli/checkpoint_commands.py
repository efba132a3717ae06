"""Commands about checkpoints: are they whole, do they come back, and how others get them."""

from __future__ import annotations

import os
import secrets
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any

import typer

from ckpt_ops.checkpoints import Manifest, model_variables, read_tensors
from ckpt_ops.checkpoints.committed import committed_manifest
from ckpt_ops.checkpoints.export import Format, check_output, export_model, export_tensors
from ckpt_ops.checkpoints.layer_state import layer_state, restore_model
from ckpt_ops.checkpoints.saved_model import InputSpec
from ckpt_ops.checkpoints.verify import Checked, Condition
from ckpt_ops.checkpoints.verify import verify as verify_checkpoints
from ckpt_ops.checkpoints.verify_files import CheckedFiles, verify_files
from ckpt_ops.cli import render, views
from ckpt_ops.cli.read_commands import Json, Model
from ckpt_ops.cli.store_option import StoreOption, chosen_store
from ckpt_ops.errors import Corrupt
from ckpt_ops.lineage import LineageState
from ckpt_ops.store import Store

_QUIET = {"TF_CPP_MIN_LOG_LEVEL": "2"}


def verify(
    model: Model,
    version: Annotated[int | None, typer.Argument(metavar="[VERSION]", help="One; all by default.")] = None,
    predictions: Annotated[
        bool, typer.Option("--predictions", help="Ask each export again, too; needs the pipeline.")
    ] = False,
    store: StoreOption = None,
    json: Json = False,
) -> None:
    """Read every checkpoint, export and served file, and hash it again. Exit code 1 when one is damaged."""
    with chosen_store(store) as opened:
        state = views.state_of(opened, model)
        versions = sorted(state.versions) if version is None else [version]
        with render.progress("hashing chunks") as progress:
            checked = verify_checkpoints(opened, state, versions, progress)
        files = verify_files(opened, state, versions)
        asked = _ask_again(opened, state, versions) if predictions else {}
    found = [*map(views.checked_view, checked), *map(views.checked_files_view, files)]
    if json:
        said = [{"version": number, **one} for number, one in asked.items()]
        render.as_json({"checkpoints": found, "predictions": said} if predictions else found)
    elif found:
        render.show_checked(found)
    else:
        render.console().print("No committed checkpoints.")
    _refuse_damaged(model, checked, files)
    if others := [f"v{number}" for number, one in asked.items() if one["differs"]]:
        raise Corrupt(
            f"the export of {', '.join(others)} of {model} does not say what was judged",
            safe="nothing was changed; the checkpoints are ok",
            next="where the pipeline's code changed since, try with the code of then; else restore the "
            "export's objects from a replica, or roll back to a version that says what it said",
        )


def _ask_again(store: Store, state: LineageState, versions: list[int]) -> dict[int, dict[str, Any]]:
    """By version, whether its export says what was kept, as `recheck` found it in a process of its own."""
    from ckpt_ops.pipeline import load_pipeline
    from ckpt_ops.pipeline.serving.rechecking import recheck, with_exports

    pipeline, there = load_pipeline(state.model), with_exports(state, versions)
    asked = recheck(pipeline, store, there, report=render.note)
    for number, said in asked.items():
        render.note(f"v{number}: {said['words']}")
    return asked


def _refuse_damaged(model: str, checked: Sequence[Checked], files: Sequence[CheckedFiles]) -> None:
    """Raises `Corrupt` naming what is damaged, and what mends it."""
    wrong = [each for each in checked if each.condition is Condition.DAMAGED]
    others = [each for each in files if each.condition is Condition.DAMAGED]
    said = []
    if wrong:
        where = ", ".join(f"v{each.version} step {each.step}" for each in wrong)
        said.append(f"{len(wrong)} of {len(checked)} checkpoints of {model} are damaged: {where}")
    if others:
        where = ", ".join(f"v{each.version} {each.kind}" for each in others)
        said.append(f"{len(others)} of {len(files)} folders of files of {model} are damaged: {where}")
    if not said:
        return
    steps = []
    if wrong or any(each.kind != "served" for each in others):
        steps.append("restore the objects named above (a soft-deleted version or a replica), verify again")
    if any(each.kind == "served" for each in others):
        steps.append(f"ckpt-ops publish {model} makes what is served equal to the exports again")
    raise Corrupt(
        "\n".join(said),
        safe="nothing was changed; what is ok can be restored",
        next="; ".join(steps),
    )


def drill(
    model: Model,
    version: Annotated[int | None, typer.Option(help="Of this version; of any by default.")] = None,
    seed: Annotated[int | None, typer.Option(help="Picks the same checkpoint again.")] = None,
    store: StoreOption = None,
    json: Json = False,
) -> None:
    """Restore a checkpoint, picked by chance, in a fresh process, compare it, and train one step."""
    from ckpt_ops.pipeline import load_pipeline
    from ckpt_ops.pipeline.drill import pick, run_drill

    seed = secrets.randbelow(2**32) if seed is None else seed
    with chosen_store(store) as opened:
        state = views.state_of(opened, model)
        versions = sorted(state.versions) if version is None else [version]
        number, step = pick(opened, state, versions, seed)
        render.note(f"seed {seed}: version {number}, step {step}")
        result = run_drill(load_pipeline(model), opened, number, step)
    found = {"model": model, "version": number, "step": step, "seed": seed, **result.to_json()}
    if json:
        render.as_json(found)
    else:
        render.show_drill(found)


def export(
    model: Model,
    version: Annotated[int, typer.Argument(metavar="VERSION")],
    out: Annotated[Path, typer.Argument(metavar="OUT", help="A file or folder that does not exist yet.")],
    format: Annotated[Format, typer.Option("--format", help="safetensors needs no TensorFlow.")],
    step: Annotated[int | None, typer.Option(help="A committed step of it; the last by default.")] = None,
    store: StoreOption = None,
) -> None:
    """Write a checkpoint in a format that others read."""
    check_output(out, format)
    with chosen_store(store) as opened:
        views.state_of(opened, model).version(version)
        manifest = committed_manifest(opened, model, version, step=step)
        if format.needs_model:
            _export_built(opened, manifest, format, out)
        else:
            about = {"model": model, "version": str(version), "step": str(manifest.step)}
            export_tensors(read_tensors(opened, manifest), out, about=about)
    render.console().print(f"{model} v{version} step {manifest.step} is in {out}, as {format.value}.")


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
        render.note(
            f"{note} used. Its variables and vocabularies are checked, what it computes from them is not."
        )
    model = build_model(pipeline)
    restore_model(store, manifest, model, model_variables(model), layer_state(model))
    taken = manifest.structure.get("inputs") or {}
    inputs = {name: InputSpec.read(written) for name, written in taken.items()}
    export_model(model, format, out, inputs=inputs)
