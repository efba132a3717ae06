"""The step loop around a model.

`model.fit` hides how far it is. Here the loop is ours, around the model's own step, so
that a save point lies exactly between two steps and the cursor says exactly what was trained on.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from ckpt_ops.checkpoints import Position
from ckpt_ops.checkpoints.naming import optimizers
from ckpt_ops.errors import TrainingDiverged, TrainingInterrupted
from ckpt_ops.training.averaging import RunningAverage
from ckpt_ops.training.batches import batches
from ckpt_ops.training.budget import Budget, Spent, StopReason
from ckpt_ops.training.cursor import BatchOrder, Order
from ckpt_ops.training.distribution.replicas import Replicas
from ckpt_ops.training.distribution.step import ReplicaStep
from ckpt_ops.training.examples import Examples
from ckpt_ops.training.pace import HowFar, Pace, seconds_between
from ckpt_ops.training.step_function import Step, step_function, steps_per_call
from ckpt_ops.training.stop_early import STOPPED, Lookout


class Checkpoints(Protocol):
    """What the loop reports to, such as `checkpoints.Checkpointer`: where it stands, when it has ended."""

    @property
    def at(self) -> Position: ...

    @property
    def saved_step(self) -> int: ...

    @property
    def stopping(self) -> bool: ...

    @property
    def stall_seconds(self) -> float: ...

    @property
    def save_every(self) -> float | None: ...

    def after_step(
        self, step: int, *, seconds: float, cursor: Mapping[str, int], metrics: Mapping[str, Any]
    ) -> None: ...

    def finish(self) -> None: ...


@dataclass(frozen=True, kw_only=True)
class Trained:
    """What a training came to."""

    step: int
    stopped_by: StopReason
    seconds: float


@dataclass(kw_only=True)
class Trainer:
    """Trains `model` on `examples` in `order`, from where `checkpoints` stands on, within `budget`.

    Attributes:
        model: a compiled and built `keras.Model`, or a `TrainableModule`.
        checkpoints: told after every call of the step function; saves what it was made for.
        progress: told how far it has come: every second at first, then every few seconds, and once after
            the last step.
        average: becomes the model at the end, before its last state is saved; None: the weights of
            the last step, or those that an optimizer with `use_ema=True` averaged, as in Keras' fit().
        lookout: ends it early, with the best weights; None: the budget alone ends it.
        step: the model's, where it was checked already; None: made here.
        replicas: in whose scope the model was built; None: it is on one device.
    """

    model: Any
    examples: Examples
    order: BatchOrder
    budget: Budget
    checkpoints: Checkpoints
    progress: Callable[[HowFar], None]
    average: RunningAverage | None = None
    lookout: Lookout | None = None
    step: Step | None = None
    replicas: Replicas | None = None

    def train(self) -> Trained:
        """Step until a bound of the budget is met; the last state is saved whatever the trigger says.

        Raises:
            TrainingInterrupted: it was asked to stop before; the last state is committed all the same.
            TrainingDiverged: the loss of a step is not finite. Nothing of that step is saved.
            Whatever a save raised, at the latest one save later.
        """
        per_call = steps_per_call(self.model)
        step, seconds = self.checkpoints.at.step, self.checkpoints.at.seconds
        last = self.budget.last_step(steps_per_epoch=self.order.steps_per_epoch)
        share: Order = self.order if self.replicas is None else self.replicas.share(self.order)
        drawn = iter(batches(self.examples, share, step, last, model=self.model)) if step < last else iter(())
        step_once = self.step or step_function(self.model, self.replicas)
        together = self.replicas is not None and self.replicas.workers > 1
        gang = step_once if together and isinstance(step_once, ReplicaStep) else None
        # a metric of Keras is a mean since it was reset: of the steps since a checkpoint, and of this
        # training alone, so that one that is resumed reports what an undisturbed one would
        step_once.forget()
        reported_at = began = time.monotonic()
        seconds_before = seconds
        loss, pace = math.nan, None
        logs: Mapping[str, Any] = {}
        if self.lookout is not None:
            self.lookout.stopped = STOPPED in self.checkpoints.at.metrics
        while (stopped_by := self._stop(step, seconds)) is None:
            if self.checkpoints.stopping if gang is None else gang.told.stopping:
                break
            if gang is not None:
                gang.say(
                    seconds=seconds_before + time.monotonic() - began, stopping=self.checkpoints.stopping
                )
            logs = step_once(drawn)
            before, step = step, min(step + per_call, last)
            now = time.monotonic()
            # several processes have to end at the same step: they go by what they told each other
            seconds = seconds_before + now - began if gang is None else gang.told.seconds
            loss = _finite_loss(logs, step, before=loss)
            pace = pace or Pace(step, now)
            if self.average is not None:
                self.average.after_step(before, step)
            spent = self.budget.stop(self._spent(step, seconds)) is not None
            if self.lookout is not None:
                self.lookout.after_step(before, step, last=spent)
                logs = {**logs, STOPPED: 1.0} if self.lookout.stopped else logs
            if self._stop(step, seconds) is not None:
                self._end(step)
            self.checkpoints.after_step(step, seconds=seconds, cursor=self.order.cursor(step), metrics=logs)
            if now - reported_at > seconds_between(now - began):
                self.progress(self._how_far(step, seconds, logs, pace.at(step, now)))
                reported_at = now
            if self.checkpoints.saved_step == step:
                step_once.forget()
        if pace is not None:
            so_far = pace.at(step, time.monotonic())
            self.progress(self._how_far(step, seconds, logs, so_far, ended=True))
        self.checkpoints.finish()
        if stopped_by is None:
            raise TrainingInterrupted(
                f"the training was asked to end at step {step} of {last}",
                safe=f"step {step} is saved and committed; the champion serves on",
                next="retry, or clear the task: the training goes on from there",
            )
        return Trained(step=step, stopped_by=stopped_by, seconds=seconds)

    def _how_far(
        self, step: int, seconds: float, logs: Mapping[str, Any], pace: float | None, *, ended: bool = False
    ) -> HowFar:
        rows = min(self.order.batch_size, self.order.rows)
        spent = self._spent(step, seconds)
        return HowFar(
            step=step,
            last=self.budget.last_step(steps_per_epoch=self.order.steps_per_epoch),
            metrics={name: float(value) for name, value in logs.items()},
            rows_per_second=None if pace is None else pace * rows,
            steps_per_second=pace,
            seconds_left=None if ended else self.budget.seconds_left(spent, pace),
            stall_seconds=self.checkpoints.stall_seconds,
            save_every=self.checkpoints.save_every,
            ended=ended,
        )

    def _end(self, step: int) -> None:
        """What was averaged on the way becomes the model."""
        if self.average is not None:
            self.average.end(step)
        if self.lookout is not None:
            self.lookout.end()
        for optimizer in optimizers(self.model):
            optimizer.finalize_variable_values(optimizer._trainable_variables)

    def _stop(self, step: int, seconds: float) -> StopReason | None:
        if self.lookout is not None and self.lookout.stopped:
            return StopReason.NO_BETTER
        return self.budget.stop(self._spent(step, seconds))

    def _spent(self, step: int, seconds: float) -> Spent:
        return Spent(steps=step, seconds=seconds, steps_per_epoch=self.order.steps_per_epoch)


def _finite_loss(logs: Mapping[str, Any], step: int, *, before: float) -> float:
    """The loss that the step reports, if it reports one. Refuses one that is not finite."""
    if "loss" not in logs:
        return before
    loss = float(logs["loss"])
    if not math.isfinite(loss):
        was = f"; it was {before:.4g} before" if math.isfinite(before) else ""
        raise TrainingDiverged(step, f"the loss is {loss} at step {step}{was}")
    return loss
