"""Where the schedules of a model's optimizers begin: learning rates that follow the number of iterations.

An optimizer counts its iterations over the model's whole life, and has to: Adam corrects its moments by that
count, and with old moments and a count of 0 its first steps would be a third of what the rate says. So the
count goes on, and what is moved is where a schedule begins in it: at the candidate, by default. That place is
where the count stood in the parent's last checkpoint; no checkpoint needs to hold it beside that.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from enum import Enum
from typing import Any

import numpy as np

from ckpt_ops.checkpoints.naming import optimizers
from ckpt_ops.errors import ModelCodeError
from ckpt_ops.wire_names import wire

_POINTS = 32


@wire("Schedules")
class Schedules(Enum):
    """Where a `LearningRateSchedule` begins.

    Members:
        PER_CANDIDATE: again with each candidate. Its `decay_steps` is the length of one update.
        OVER_LIFE: with the model's first version, and goes on from update to update.
    """

    PER_CANDIDATE = "per_candidate"
    OVER_LIFE = "over_life"


class ScheduleStarts:
    """Takes hold of a model's schedules; each begins at iteration 0 until told otherwise."""

    def __init__(self, model: Any) -> None:
        from ckpt_ops.training.shifted import Shifted

        for optimizer, attribute, schedule in list(_schedules(model)):
            if not isinstance(schedule, Shifted):
                setattr(optimizer, attribute, Shifted(schedule))
        self._model = model

    def begin(self) -> None:
        """Every schedule begins at the iteration at which its optimizer stands now."""
        for optimizer, _, schedule in _schedules(self._model):
            schedule.start.assign(optimizer._iterations)

    def check(self, steps: int, *, since: Sequence[int] | None = None) -> None:
        """Refuse, with `ModelCodeError`, a training of so many steps whose rates would change no weight.

        A rate may begin at 0, as that of a warm-up does; it may not be 0 all along.

        Args:
            since: for each of `optimizers(model)`, how many iterations after its schedules began
                it stands at the first step. None: they begin there.
        """
        found = optimizers(self._model)
        trains = not found
        for optimizer, begin in zip(found, since or [0] * len(found), strict=True):
            rates = _rates(optimizer, begin, steps)
            bad = rates[~np.isfinite(rates)]
            if bad.size:
                raise _no_rate(optimizer, f"is {bad[0]} at some of {steps} steps", begin)
            trains = trains or bool(np.any(rates != 0))
        if not trains:
            raise _no_rate(found[0], f"is 0 at each of {steps} steps", (since or [0])[0])


def starts_of(model: Any) -> list[Any]:
    """The variables that say where schedules begin; they are no state of the model."""
    from ckpt_ops.training.shifted import Shifted

    return [one.start for _, _, one in _schedules(model) if isinstance(one, Shifted)]


@contextmanager
def as_written(model: Any) -> Iterator[None]:
    """While a block runs, optimizers have the schedules that `build_model` gave them: to be stored."""
    from ckpt_ops.training.shifted import Shifted

    held = [each for each in _schedules(model) if isinstance(each[2], Shifted)]
    try:
        for optimizer, attribute, shifted in held:
            setattr(optimizer, attribute, shifted.schedule)
        yield
    finally:
        for optimizer, attribute, shifted in held:
            setattr(optimizer, attribute, shifted)


def _schedules(model: Any) -> Iterator[tuple[Any, str, Any]]:
    """Each schedule that is an attribute of an optimizer: its rate's, or one of its own making."""
    import keras

    for optimizer in optimizers(model):
        for attribute, value in list(vars(optimizer).items()):
            if isinstance(value, keras.optimizers.schedules.LearningRateSchedule):
                yield optimizer, attribute, value


def _rates(optimizer: Any, begin: int, steps: int) -> Any:
    """The rate at some steps of a training, the first and the last among them."""
    import keras
    import tensorflow as tf

    from ckpt_ops.training.shifted import Shifted

    rate = optimizer._learning_rate
    if isinstance(rate, Shifted):
        rate = rate.schedule
    if not isinstance(rate, keras.optimizers.schedules.LearningRateSchedule):
        now = optimizer.learning_rate  # on several devices Keras cannot make a float of it
        return np.array([float(now.numpy() if hasattr(now, "numpy") else now)])
    points = sorted({begin + step * (steps - 1) // max(1, _POINTS - 1) for step in range(_POINTS)})
    return np.array([float(rate(tf.constant(point, tf.int64))) for point in points])


def _no_rate(optimizer: Any, what: str, begin: int) -> ModelCodeError:
    after = f", {begin} iterations after its schedule began" if begin else ""
    return ModelCodeError(
        f"the learning rate of {optimizer.name} {what}{after}: the model could not improve",
        safe="no step was made; the champion serves on",
        next="fix the rate in build_model(): a schedule is as long as one update (budget.max_steps), or, "
        "with schedules=Schedules.OVER_LIFE, as long as the model's life",
    )
