"""The interpreter that stands by for trainings: it imports TensorFlow while nobody waits for that."""

from __future__ import annotations

from ckpt_ops import worker
from ckpt_ops.pipeline.model_work import surroundings_of
from ckpt_ops.pipeline.pipeline import Pipeline
from ckpt_ops.worker import Imports

MODEL = Imports(name="model", modules=("ckpt_ops.candidates.imported_ahead",))


def expect_training(pipeline: Pipeline) -> None:
    """A training may come soon on this host: have an interpreter import what it needs; returns at once."""
    worker.warm_up(MODEL, surroundings_of(pipeline))
