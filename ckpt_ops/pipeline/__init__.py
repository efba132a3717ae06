"""A pipeline: its description, and the steps that a run of it takes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ckpt_ops.on_first_use import on_first_use

if TYPE_CHECKING:
    from ckpt_ops.pipeline.approval import Approval, Otherwise
    from ckpt_ops.pipeline.fleet import Fleet, Member
    from ckpt_ops.pipeline.intake import EmptySlices, Intake, SameContent
    from ckpt_ops.pipeline.loading import find_pipelines, load_intake, load_pipeline
    from ckpt_ops.pipeline.pipeline import Append, Pipeline, Slices
    from ckpt_ops.pipeline.shadow import Shadow

__all__ = [
    "Append",
    "Approval",
    "EmptySlices",
    "Fleet",
    "Intake",
    "Member",
    "Otherwise",
    "Pipeline",
    "SameContent",
    "Shadow",
    "Slices",
    "find_pipelines",
    "load_intake",
    "load_pipeline",
]

_TABLE = {
    "ckpt_ops.pipeline.approval": "Approval Otherwise",
    "ckpt_ops.pipeline.fleet": "Fleet Member",
    "ckpt_ops.pipeline.intake": "EmptySlices Intake SameContent",
    "ckpt_ops.pipeline.loading": "find_pipelines load_intake load_pipeline",
    "ckpt_ops.pipeline.pipeline": "Append Pipeline Slices",
    "ckpt_ops.pipeline.shadow": "Shadow",
}
on_first_use(__name__, _TABLE)
