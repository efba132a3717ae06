"""`ckpt-ops verify`: are checkpoints, exports and served files whole?"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any

import typer

from ckpt_ops.checkpoints.verify import Checked, Condition
from ckpt_ops.checkpoints.verify import verify as verify_checkpoints
from ckpt_ops.checkpoints.verify_files import CheckedFiles, verify_files
from ckpt_ops.cli import output, render_verify, views
from ckpt_ops.cli.options import Model
from ckpt_ops.cli.output import Json
from ckpt_ops.cli.render_verify import checked_files_view, checked_view
from ckpt_ops.cli.store_option import StoreOption, chosen_store
from ckpt_ops.errors import Corrupt
from ckpt_ops.lineage import LineageState
from ckpt_ops.store import Store


def verify(
    model: Model,
    version: Annotated[
        int | None, typer.Argument(metavar="VERSION", help="Number of one version; all by default.")
    ] = None,
    predictions: Annotated[
        bool,
        typer.Option(
            "--predictions", help="Run each export again, too, and compare; needs the pipeline's code."
        ),
    ] = False,
    store: StoreOption = None,
    json: Json = False,
) -> None:
    """Read and hash every checkpoint, export and served file.

    Nothing is changed. Exit code 1: something is damaged; the message names the objects.

    Example: ckpt-ops verify flight_delay
    """
    with chosen_store(store) as opened:
        state = views.state_of(opened, model)
        versions = sorted(state.versions) if version is None else [version]
        with output.progress("hashing chunks") as progress:
            checked = verify_checkpoints(opened, state, versions, progress)
        files = verify_files(opened, state, versions)
        asked = _ask_again(opened, state, versions) if predictions else {}
    found = [*map(checked_view, checked), *map(checked_files_view, files)]
    again = [{"version": number, **one} for number, one in asked.items()]
    view = {"checkpoints": found, "predictions": again} if predictions else found
    output.answer(view, lambda _: render_verify.show_checked(found), json=json)
    _refuse_damaged(model, checked, files)
    if others := [f"v{number}" for number, one in asked.items() if one["differs"]]:
        raise Corrupt(
            f"the export of {', '.join(others)} of {model} does not predict what was evaluated",
            safe="nothing was changed; the checkpoints are ok",
            next="if the pipeline's code changed since, try with the code of that time; else restore the "
            "export's objects from a replica, or roll back to a version whose export predicts as before",
        )


def _ask_again(store: Store, state: LineageState, versions: list[int]) -> dict[int, dict[str, Any]]:
    """By version, whether its export predicts what was kept, as found by a process of its own."""
    from ckpt_ops.pipeline import load_pipeline
    from ckpt_ops.serving.recheck import recheck, with_exports

    pipeline, there = load_pipeline(state.model), with_exports(state, versions)
    asked = recheck(pipeline, store, there, report=output.note)
    for number, one in asked.items():
        output.note(f"v{number}: {one['words']}")
    return asked


def _refuse_damaged(model: str, checked: Sequence[Checked], files: Sequence[CheckedFiles]) -> None:
    """Raises `Corrupt` naming what is damaged, and how it is repaired."""
    wrong = [each for each in checked if each.condition is Condition.DAMAGED]
    others = [each for each in files if each.condition is Condition.DAMAGED]
    damage = []
    if wrong:
        where = ", ".join(f"v{each.version} step {each.step}" for each in wrong)
        damage.append(f"{len(wrong)} of {len(checked)} checkpoints of {model} are damaged: {where}")
    if others:
        where = ", ".join(f"v{each.version} {each.kind}" for each in others)
        damage.append(f"{len(others)} of {len(files)} folders of files of {model} are damaged: {where}")
    if not damage:
        return
    steps = []
    if wrong or any(each.kind != "served" for each in others):
        steps.append(
            "restore the objects named above (a soft-deleted version or a replica), then verify again"
        )
    if any(each.kind == "served" for each in others):
        steps.append(f"ckpt-ops publish {model} makes what is served equal to the exports again")
    raise Corrupt(
        "\n".join(damage),
        safe="nothing was changed; what is ok can be restored",
        next="; ".join(steps),
    )
