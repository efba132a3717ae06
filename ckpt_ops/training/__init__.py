"""Bounded incremental training: what to draw next, when to stop, where to save."""

from ckpt_ops.training.averaging import RunningAverage, TailAverage
from ckpt_ops.training.budget import Budget, Spent, StopReason
from ckpt_ops.training.collected import Collected
from ckpt_ops.training.cursor import BatchOrder
from ckpt_ops.training.distribution import Mirrored, Workers
from ckpt_ops.training.examples import Examples
from ckpt_ops.training.given_lists import Lists
from ckpt_ops.training.latest import Latest
from ckpt_ops.training.module import TrainableModule
from ckpt_ops.training.numerics import Numerics
from ckpt_ops.training.replay import NoReplay, Replay, Reservoir
from ckpt_ops.training.schedules import Schedules
from ckpt_ops.training.split import holdout_mask, holdout_mask_by
from ckpt_ops.training.stop_early import Lookout, StopEarly
from ckpt_ops.training.trainer import Trainer

__all__ = [
    "BatchOrder",
    "Budget",
    "Collected",
    "Examples",
    "Latest",
    "Lists",
    "Lookout",
    "Mirrored",
    "NoReplay",
    "Numerics",
    "Replay",
    "Reservoir",
    "RunningAverage",
    "Schedules",
    "Spent",
    "StopEarly",
    "StopReason",
    "TailAverage",
    "TrainableModule",
    "Trainer",
    "Workers",
    "holdout_mask",
    "holdout_mask_by",
]
