"""Ends a training that stopped improving, with the best weights that it had.

Its metric is measured on rows that are split off from those it would train on: never on those that
evaluate the candidate, which would flatter it. All that is remembered is in each checkpoint, so a resumed
training stops where an undisturbed one would.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from ckpt_ops import checks
from ckpt_ops.checkpoints.capture import tensorflow_variable
from ckpt_ops.checkpoints.restore import BEST
from ckpt_ops.training.averaging import is_a_weight
from ckpt_ops.training.examples import Examples
from ckpt_ops.training.keyed_permutation import KeyedPermutation
from ckpt_ops.values import as_code, later
from ckpt_ops.wire_names import wire

_BLOCK = 1 << 20

STOPPED = "stopped_early"
"""The metric by which the last checkpoint of a training says that it stopped early."""


@wire("StopEarly")
@dataclass(frozen=True, kw_only=True)
class StopEarly:
    """Look at a metric every so many steps; stop when it did not improve `patience` looks in a row.

    What the training ends with, however it ends, are the weights of the best look.

    Attributes:
        metric: by the name that gates give it.
        every: steps from one look to the next.
        patience: looks without an improvement that end the training.
        share: of the rows to train on, replayed ones too, that are set apart to look at. With groups it is a
            share of these: a query's rows stay together.
        output: which of a model's outputs, or which label of one; None: the only one.
    """

    metric: str
    every: int
    patience: int = 3
    share: float = 0.1
    output: str | None = later(None)

    __repr__ = as_code

    def __post_init__(self) -> None:
        for name in ("every", "patience"):
            checks.whole(f"StopEarly.{name}", getattr(self, name))
        checks.inner_share("StopEarly.share", self.share)

    def set_apart(self, examples: Examples, *, seed: int, keyed: bool = False) -> npt.NDArray[np.bool_]:
        """True where a row is looked at and not trained on; shape (rows,), at least one of them.

        Args:
            keyed: draw rows as `BatchOrder.keyed` does.
        """
        if examples.groups is None:
            return self._drawn(examples.rows, seed, keyed)
        known, inverse = np.unique(np.asarray(examples.groups), return_inverse=True)
        apart: npt.NDArray[np.bool_] = self._drawn(len(known), seed, keyed)[inverse]
        return apart

    def _drawn(self, count: int, seed: int, keyed: bool) -> npt.NDArray[np.bool_]:
        chosen = max(1, round(self.share * count))
        if not keyed:
            drawn: npt.NDArray[np.bool_] = (
                np.random.Generator(np.random.PCG64([seed, 2])).permutation(count) < chosen
            )
            return drawn
        places, apart = KeyedPermutation(count, (seed, 2)), np.zeros(count, np.bool_)
        for start in range(0, chosen, _BLOCK):
            apart[places[start : min(start + _BLOCK, chosen)]] = True
        return apart


class Lookout:
    """Looks at one training.

    Args:
        variables: what a checkpoint of the model holds, by name.
        look: the metric of the model as it is now; NaN where it has no value.
        looked: told of each look at which step it was, what it found, and whether that is the best so far.

    Attributes:
        variables: what is remembered, to be saved and restored with the model while training goes on; as
            large as the weights. Empty once the best of them have become the model.
        stopped: whether the training is to end.
    """

    def __init__(
        self,
        settings: StopEarly,
        variables: Mapping[str, Any],
        look: Callable[[], float],
        *,
        larger_is_better: bool,
        looked: Callable[[int, float, bool], None],
    ) -> None:
        import tensorflow as tf

        self._settings, self._look, self._looked = settings, look, looked
        self._sign = 1.0 if larger_is_better else -1.0
        self._weights = {
            f"{BEST}weights/{name}": inner
            for name, inner in ((name, tensorflow_variable(one)) for name, one in variables.items())
            if inner.dtype.is_floating and is_a_weight(name, inner)
        }
        self._best = tf.Variable(-math.inf, dtype=tf.float64, trainable=False)
        self._misses = tf.Variable(0, dtype=tf.int64, trainable=False)
        self.variables: dict[str, Any] = {
            f"{BEST}value": self._best,
            f"{BEST}misses": self._misses,
            **{name: tf.Variable(weight, trainable=False) for name, weight in self._weights.items()},
        }
        self.stopped = False

    def after_step(self, before: int, step: int, *, last: bool) -> None:
        """The weights stand at `step`, after a call that began at `before`; `last`: the budget is spent."""
        if not last and step // self._settings.every == before // self._settings.every:
            return
        value = self._look()
        better = self._sign * value > float(self._best)  # NaN is not
        if better:
            self._best.assign(self._sign * value)
            self._misses.assign(0)
            for name, weight in self._weights.items():
                self.variables[name].assign(weight)
        else:
            self._misses.assign_add(1)
        self._looked(step, value, better)
        self.stopped = int(self._misses) >= self._settings.patience

    def end(self) -> None:
        """The best weights become the model; without a look that had a value, it stays as it is."""
        if float(self._best) > -math.inf:
            for name, weight in self._weights.items():
                weight.assign(self.variables[name])
        self.variables.clear()
