"""What was verified, as plain values and as tables."""

from __future__ import annotations

from collections.abc import Sequence

from rich.table import Table

from ckpt_ops.checkpoints.verify import Checked
from ckpt_ops.checkpoints.verify_files import CheckedFiles
from ckpt_ops.cli.output import console
from ckpt_ops.cli.views import View


def checked_view(checked: Checked) -> View:
    """A committed checkpoint as `verify` found it."""
    return {
        "kind": "checkpoint",
        "version": checked.version,
        "step": checked.step,
        "manifest": checked.manifest,
        "condition": checked.condition.value,
        "chunks": checked.chunks,
        "bytes": checked.nbytes,
        "hashed": checked.hashed,
        "problems": list(checked.problems),
    }


def checked_files_view(checked: CheckedFiles) -> View:
    """Files of a version as `verify` found them."""
    return {
        "kind": checked.kind,
        "version": checked.version,
        "step": None,
        "folder": checked.folder,
        "condition": checked.condition.value,
        "files": checked.files,
        "bytes": checked.nbytes,
        "hashed": checked.hashed,
        "problems": list(checked.problems),
    }


def show_checked(views: Sequence[View]) -> None:
    out = console()
    if not views:
        out.print("No committed checkpoints.")
        return
    table = Table("version", "what", "parts", "bytes", "condition")
    for view in views:
        parts = view["chunks"] if view["kind"] == "checkpoint" else view["files"]
        table.add_row(
            str(view["version"]),
            _checked_what(view),
            str(parts) if parts else "-",
            f"{view['bytes']:,}" if view["bytes"] else "-",
            view["condition"],
        )
    out.print(table)
    older = [_checked_at(view) for view in views if not view["hashed"] and view["condition"] != "pruned"]
    if older:
        out.print(
            f"{len(older)} of them were committed before hashes of manifests and exports were kept: "
            f"{', '.join(older)}. Whether each is the one that was committed is unknown.",
            soft_wrap=True,
        )
    problems: dict[str, list[str]] = {}
    for view in views:
        for problem in view["problems"]:
            problems.setdefault(problem, []).append(_checked_at(view))
    for problem, where in problems.items():  # below the table: an object's name should stay in one piece
        out.print(f"- {problem}\n  in {', '.join(where)}", soft_wrap=True)


def _checked_what(view: View) -> str:
    return f"step {view['step']}" if view["kind"] == "checkpoint" else str(view["kind"])


def _checked_at(view: View) -> str:
    return f"v{view['version']} {_checked_what(view)}"
