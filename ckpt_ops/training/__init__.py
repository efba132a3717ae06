"""Bounded incremental training: what to draw next, when to stop, where to save."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ckpt_ops.on_first_use import on_first_use

if TYPE_CHECKING:
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

_TABLE = {
    "ckpt_ops.training.averaging": "RunningAverage TailAverage",
    "ckpt_ops.training.budget": "Budget Spent StopReason",
    "ckpt_ops.training.collected": "Collected",
    "ckpt_ops.training.cursor": "BatchOrder",
    "ckpt_ops.training.distribution": "Mirrored Workers",
    "ckpt_ops.training.examples": "Examples",
    "ckpt_ops.training.given_lists": "Lists",
    "ckpt_ops.training.latest": "Latest",
    "ckpt_ops.training.module": "TrainableModule",
    "ckpt_ops.training.numerics": "Numerics",
    "ckpt_ops.training.replay": "NoReplay Replay Reservoir",
    "ckpt_ops.training.schedules": "Schedules",
    "ckpt_ops.training.split": "holdout_mask holdout_mask_by",
    "ckpt_ops.training.stop_early": "Lookout StopEarly",
    "ckpt_ops.training.trainer": "Trainer",
}
on_first_use(__name__, _TABLE)
