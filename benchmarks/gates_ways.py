"""The ways of evaluating that are compared: by which rows, and when the answer is there."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from ckpt_ops.evaluation import AtLeast, Gate
from ckpt_ops.pipeline import Pipeline
from ckpt_ops.policies import AllOf, Cooldown, Every
from ckpt_ops.slices.identity import digest
from ckpt_ops.training import holdout_mask
from flight_delay.pipeline import flight_delay

HELD_OUT = 0.2


@dataclass(frozen=True, kw_only=True)
class Way:
    """Which rows evaluate a candidate.

    Attributes:
        latest: the last rows of each slice are held out, not some at random.
        shadow: on so many slices after it; 0: on held-out rows of its own.
        gates: the example's; by time its floor is lower, as rows of other days than those learned are harder.
    """

    title: str
    latest: bool = False
    shadow: int = 0
    gates: tuple[Gate, ...] = tuple(flight_delay.gates)

    def held(self, key: str, rows: int) -> npt.NDArray[np.bool_]:
        """Rows of a slice on which nothing trains."""
        if self.latest:
            return np.arange(rows) >= round(rows * (1 - HELD_OUT))
        return holdout_mask(revision=digest(key), rows=rows, share=HELD_OUT)

    def pipeline(self, *, every: int, seed: int) -> Pipeline:
        """The example's. While a candidate is in shadow nothing trains."""
        due: Any = Every(slices=every)
        if self.shadow:
            due = AllOf(due, Cooldown(slices=self.shadow + 1))
        pipeline: Pipeline = replace(flight_delay, update_when=due, gates=self.gates, seed=seed)
        return pipeline


def _with_floor(threshold: float) -> tuple[Gate, ...]:
    return tuple(
        replace(gate, threshold=threshold) if isinstance(gate, AtLeast) else gate
        for gate in flight_delay.gates
    )


WAYS = {
    "random": Way(title="held out at random, a fifth"),
    "latest": Way(title="held out by time, the last fifth", latest=True, gates=_with_floor(0.5)),
    "shadow-1": Way(title="shadow on 1 slice", shadow=1),
    "shadow-2": Way(title="shadow on 2 slices", shadow=2),
}
