"""Weights averaged over the last part of a training, in place of where its last step happened to be.

A training of few steps at a learning rate that does not fall ends somewhere around a good place, and the
mean of where it has been is nearer to it than its end (Polyak & Juditsky 1992; Izmailov et al. 2018,
"Averaging Weights Leads to Wider Optima and Better Generalization"). It costs no step. What is averaged
becomes the model before the last checkpoint, so the same weights are evaluated, served and trained on.

Some points are enough: neighbouring steps are nearly alike, and a point touches every weight, which matters
for large tables. The mean is as large as the weights: it is there from the first point on, in memory and in
the checkpoints that are saved on the way. For a table of which little is touched: `average=None`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ckpt_ops import checks
from ckpt_ops.checkpoints.capture import tensorflow_variable
from ckpt_ops.checkpoints.restore import AVERAGE
from ckpt_ops.wire_names import wire


@wire("TailAverage")
@dataclass(frozen=True, kw_only=True)
class TailAverage:
    """The mean of the weights at some points of a training's last part.

    Attributes:
        share: the last part, as a share of the training's steps.
        points: how many steps of it, evenly spaced, the last one among them; all of them when it has fewer.
    """

    share: float = 0.75
    points: int = 16

    def __post_init__(self) -> None:
        allowed = "more than 0, at most 1; average=None for none"
        checks.number("TailAverage.share", self.share, above=0, at_most=1, allowed=allowed)
        checks.whole("TailAverage.points", self.points)

    def taken(self, step: int, *, last: int) -> int:
        """How many points lie at or before `step` of a training of `last` steps: no state, a function."""
        tail = max(1, round(self.share * last))
        points = min(self.points, tail)
        # point k of 1 to `points` lies at last - (points - k) * tail // points
        return sum(last - (points - k) * tail // points <= step for k in range(1, points + 1))


class RunningAverage:
    """The mean so far of the weights of one training.

    Args:
        settings: where its points are.
        variables: what a checkpoint of the model holds, by name. An optimizer's are left alone (of a
            `tf.Module`: what lies below an attribute whose name ends in "optimizer", and what is not
            trainable), as are those without fractions, such as the state of a seed generator.
        last: the step at which the training is to end.
        at: the step at which it goes on: a checkpoint behind the first point holds a mean.

    Attributes:
        variables: the mean, to be saved and restored with the model while training goes on. Empty until the
            first point, and once it has become the model: what a training ends with does not say how it
            came to be.
    """

    def __init__(
        self, settings: TailAverage, variables: Mapping[str, Any], *, last: int, at: int = 0
    ) -> None:
        self._settings, self._last = settings, last
        self._weights = {
            f"{AVERAGE}{name}": inner
            for name, inner in ((name, tensorflow_variable(one)) for name, one in variables.items())
            if inner.dtype.is_floating and is_a_weight(name, inner)
        }
        self.variables: dict[str, Any] = {}
        if settings.taken(at, last=last):
            self._begin()

    def after_step(self, before: int, step: int) -> None:
        """The weights stand at `step`, after a call of the train function that began at `before`."""
        import tensorflow as tf

        had = self._settings.taken(before, last=self._last)
        has = self._settings.taken(step, last=self._last)
        if has == had:
            return
        if had == 0:
            self._begin()
            return
        for name, mean in self.variables.items():
            weight = self._weights[name]
            # what did not move stays as it is to the last bit, be it infinite
            moved = mean + (weight - mean) * ((has - had) / has)
            mean.assign(tf.where(weight == mean, mean, moved))

    def _begin(self) -> None:
        """The mean of one point is that point."""
        import tensorflow as tf

        self.variables |= {
            name: tf.Variable(weight, trainable=False) for name, weight in self._weights.items()
        }

    def end(self, step: int) -> None:
        """The mean becomes the model; without a point by `step`, the model stays as it is."""
        if self._settings.taken(step, last=self._last):
            for name, mean in self.variables.items():
                self._weights[name].assign(mean)
        self.variables.clear()


def is_a_weight(name: str, variable: Any) -> bool:
    """Of a Keras model all but the optimizer, moving statistics too; of a module what is trained."""
    if any(part.endswith("optimizer") for part in name.split("/")):
        return False
    return name.startswith("model/") or bool(variable.trainable)
