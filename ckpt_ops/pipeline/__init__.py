"""A pipeline: its description, and the steps that a run of it takes."""

from ckpt_ops.pipeline.approval import Approval, Otherwise
from ckpt_ops.pipeline.intake import EmptySlices, Intake, SameContent
from ckpt_ops.pipeline.loading import find_pipelines, load_intake, load_pipeline
from ckpt_ops.pipeline.pipeline import Append, Pipeline, Slices
from ckpt_ops.pipeline.shadow import Shadow

__all__ = [
    "Append",
    "Approval",
    "EmptySlices",
    "Intake",
    "Otherwise",
    "Pipeline",
    "SameContent",
    "Shadow",
    "Slices",
    "find_pipelines",
    "load_intake",
    "load_pipeline",
]
