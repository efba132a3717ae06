"""The step loop around a compiled Keras model.

`model.fit` hides where it stands. Here the loop is ours, around the model's own train function, so
that a save point lies exactly between two steps and the cursor says exactly what was trained on.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from ckpt_ops.checkpoints import BackgroundWriter, SaveTrigger, SinceSave, capture
from ckpt_ops.training.batches import batches
from ckpt_ops.training.budget import Budget, Spent, StopReason
from ckpt_ops.training.cursor import BatchOrder
from ckpt_ops.training.examples import Examples


@dataclass(frozen=True, kw_only=True)
class Trained:
    """What a training came to."""

    step: int
    stopped_by: StopReason
    seconds: float


@dataclass(kw_only=True)
class Trainer:
    """Trains `model` on `examples` in `order`, from a step on, within `budget`.

    Attributes:
        variables: what a checkpoint holds, by name.
        progress: told (step, last step, metrics of the model so far) now and then.
        seconds: of stepping so far, over all attempts; committed with each checkpoint.
    """

    model: Any
    variables: dict[str, Any]
    examples: Examples
    order: BatchOrder
    budget: Budget
    save: SaveTrigger
    writer: BackgroundWriter
    progress: Callable[[int, int, dict[str, float]], None]
    seconds: float = 0.0

    def train(self, *, from_step: int) -> Trained:
        """Step until a bound of the budget is met; the last state is saved whatever the trigger says.

        Raises whatever a save raised, at the latest one save later.
        """
        per_call = int(getattr(self.model, "steps_per_execution", 1))
        last = self.budget.last_step(steps_per_epoch=self.order.steps_per_epoch)
        drawn = iter(batches(self.examples, self.order, from_step, last)) if from_step < last else iter(())
        self.model.make_train_function()
        step = saved = from_step
        saved_at = reported_at = began = time.monotonic()
        spent_before = self.seconds
        while (stopped_by := self.budget.stop(self._spent(step))) is None:
            logs = self.model.train_function(drawn)
            step = min(step + per_call, last)
            now = time.monotonic()
            self.seconds = spent_before + now - began
            if self.save.due(SinceSave(steps=step - saved, seconds=now - saved_at)) and step < last:
                self.writer.submit(capture(self.variables, step=step))
                saved, saved_at = step, time.monotonic()
            elif self.writer.failed():
                self.writer.wait()
            if now - reported_at > 1.0:
                self.progress(step, last, {name: float(value) for name, value in logs.items()})
                reported_at = now
        if step > saved:
            self.writer.submit(capture(self.variables, step=step))
        self.writer.wait()
        return Trained(step=step, stopped_by=stopped_by, seconds=self.seconds)

    def _spent(self, step: int) -> Spent:
        return Spent(steps=step, seconds=self.seconds, steps_per_epoch=self.order.steps_per_epoch)
