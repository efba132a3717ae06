"""Checkpoints: a snapshot held without copying, written in the background, committed by its manifest."""

from ckpt_ops.checkpoints.capture import Snapshot, capture, model_variables
from ckpt_ops.checkpoints.manifest import Manifest
from ckpt_ops.checkpoints.restore import load_manifest, read_tensors, restore
from ckpt_ops.checkpoints.triggers import EverySeconds, EverySteps, FirstOf, SaveTrigger, SinceSave
from ckpt_ops.checkpoints.writer import BackgroundWriter

__all__ = [
    "BackgroundWriter",
    "EverySeconds",
    "EverySteps",
    "FirstOf",
    "Manifest",
    "SaveTrigger",
    "SinceSave",
    "Snapshot",
    "capture",
    "load_manifest",
    "model_variables",
    "read_tensors",
    "restore",
]
