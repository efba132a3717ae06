"""A pipeline: its description, and the steps that a run of it takes."""

from ckpt_ops.pipeline.description import Append, Pipeline, Slices
from ckpt_ops.pipeline.loading import find_pipelines, load_pipeline

__all__ = ["Append", "Pipeline", "Slices", "find_pipelines", "load_pipeline"]
