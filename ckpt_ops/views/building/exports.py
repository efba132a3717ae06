"""A version in other formats, from the state and the store."""

from __future__ import annotations

from ckpt_ops.checkpoints import load_manifest
from ckpt_ops.checkpoints.exports import export_folder
from ckpt_ops.errors import Corrupt, ObjectNotFound
from ckpt_ops.lineage import LineageState
from ckpt_ops.serving.on_request import CONVERSIONS, FORMATS, InStore, missing_packages, why_not
from ckpt_ops.store import Store
from ckpt_ops.views.exports import ExportRow, FormatRow

_NAMES = {"keras": ".keras", "safetensors": ".safetensors"}


def format_rows(state: LineageState, number: int, there: InStore) -> tuple[FormatRow, ...]:
    """Every format. Raises `BadInput`: there is no such version."""
    return tuple(_format_row(state, number, one, there) for one in FORMATS)


def _format_row(state: LineageState, number: int, format: str, there: InStore) -> FormatRow:
    reason = why_not(state, number, format, there=there, absent=missing_packages(format))
    return FormatRow(
        format=format,
        converts=format in CONVERSIONS,
        possible=not reason,
        why_not=reason,
        command=command(state.model, number, format),
    )


def command(model: str, number: int, format: str) -> str:
    """What a person types for it."""
    if format in CONVERSIONS:
        return f"ckpt-ops convert {model} {number} --format {format}"
    return f"ckpt-ops export {model} {number} --format {format} {model}-v{number}{_NAMES.get(format, '')}"


def export_rows(store: Store, state: LineageState, number: int) -> tuple[ExportRow, ...]:
    """What was written and is still there."""
    made = [one for one in state.exported.values() if one.version == number]
    folder = f"models/{state.model}/v{number}/exported/"
    there = [entry.name for entry in store.list(folder)] if made else []
    return tuple(
        ExportRow(
            format=one.format,
            step=one.step,
            object=one.object,
            files=one.files,
            nbytes=one.nbytes,
            actor=one.actor,
            time=one.time,
            reason=one.reason,
        )
        for one in made
        if any(name == one.object or name.startswith(f"{one.object}/") for name in there)
    )


def bytes_of(store: Store, state: LineageState, number: int, format: str) -> int | None:
    """Of the checkpoint's tensors, or of the export that is converted; None: nobody knows."""
    version = state.version(number)
    if version.trained is None:
        return None
    if format in CONVERSIONS:
        prefix = f"{export_folder(version)}/"
        return sum(one.size for one in version.trained.files if one.name.startswith(prefix)) or None
    try:
        return load_manifest(store, version.trained.final).nbytes
    except (ObjectNotFound, Corrupt):
        return None
