"""Checkpoints: a snapshot held without copying, written in the background, committed by its manifest."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ckpt_ops.on_first_use import on_first_use

if TYPE_CHECKING:
    from ckpt_ops.checkpoints.anchors import Anchors, Doubling, EveryVersions
    from ckpt_ops.checkpoints.capture import Snapshot, capture
    from ckpt_ops.checkpoints.checkpointer import Checkpointer, Position
    from ckpt_ops.checkpoints.committing import Commits
    from ckpt_ops.checkpoints.intermediate import Intermediate, IntermediateWriter
    from ckpt_ops.checkpoints.keep import Keep
    from ckpt_ops.checkpoints.manifest import Manifest
    from ckpt_ops.checkpoints.naming import model_variables
    from ckpt_ops.checkpoints.requests import SaveKind, SaveRequest, SaveRequestPoller
    from ckpt_ops.checkpoints.restore import load_manifest, read_tensors, restore
    from ckpt_ops.checkpoints.standalone import checkpointing
    from ckpt_ops.checkpoints.triggers import (
        Automatic,
        EverySeconds,
        EverySteps,
        FirstOf,
        SaveTrigger,
        SinceSave,
    )
    from ckpt_ops.checkpoints.writer import BackgroundWriter, Saved

    # Former names: code that is kept with versions imports them.
    RequestDesk = SaveRequestPoller
    What = SaveKind

__all__ = [
    "Anchors",
    "Automatic",
    "BackgroundWriter",
    "Checkpointer",
    "Commits",
    "Doubling",
    "EverySeconds",
    "EverySteps",
    "EveryVersions",
    "FirstOf",
    "Intermediate",
    "IntermediateWriter",
    "Keep",
    "Manifest",
    "Position",
    "RequestDesk",
    "SaveKind",
    "SaveRequest",
    "SaveRequestPoller",
    "SaveTrigger",
    "Saved",
    "SinceSave",
    "Snapshot",
    "What",
    "capture",
    "checkpointing",
    "load_manifest",
    "model_variables",
    "read_tensors",
    "restore",
]

_TABLE = {
    "ckpt_ops.checkpoints.anchors": "Anchors Doubling EveryVersions",
    "ckpt_ops.checkpoints.capture": "Snapshot capture",
    "ckpt_ops.checkpoints.checkpointer": "Checkpointer Position",
    "ckpt_ops.checkpoints.committing": "Commits",
    "ckpt_ops.checkpoints.intermediate": "Intermediate IntermediateWriter",
    "ckpt_ops.checkpoints.keep": "Keep",
    "ckpt_ops.checkpoints.manifest": "Manifest",
    "ckpt_ops.checkpoints.naming": "model_variables",
    "ckpt_ops.checkpoints.requests": "SaveKind SaveRequest SaveRequestPoller",
    "ckpt_ops.checkpoints.restore": "load_manifest read_tensors restore",
    "ckpt_ops.checkpoints.standalone": "checkpointing",
    "ckpt_ops.checkpoints.triggers": "Automatic EverySeconds EverySteps FirstOf SaveTrigger SinceSave",
    "ckpt_ops.checkpoints.writer": "BackgroundWriter Saved",
}
_FORMER = {"RequestDesk": "SaveRequestPoller", "What": "SaveKind"}
on_first_use(__name__, _TABLE, former=_FORMER)
