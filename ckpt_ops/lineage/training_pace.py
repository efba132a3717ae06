"""Whether the newest training made fewer steps a second than those before it."""

from __future__ import annotations

import statistics
from collections.abc import Iterator
from dataclasses import dataclass

from ckpt_ops.lineage.state import LineageState

SHORTEST = 10.0
"""Seconds in steps; what trained for less says little of a pace."""
BEFORE = 8
"""Trainings that the newest one is compared with, and at least half as many."""
SLOW = 2 / 3
"""A pace below so much of the usual one is told."""


@dataclass(frozen=True, kw_only=True)
class SlowerTraining:
    """A training that was slow.

    Attributes:
        steps_per_second: of its steps, over all attempts; `usual`: the median of the `of` before it.
    """

    version: int
    steps_per_second: float
    usual: float
    of: int

    @property
    def message(self) -> str:
        """It, in a sentence."""
        return (
            f"Version {self.version} trained at {self.steps_per_second:.3g} steps a second, "
            f"the {self.of} before it at {self.usual:.3g}."
        )


def slower_training(state: LineageState) -> SlowerTraining | None:
    """The newest training, if it was slow; None: it was not, or there are too few to compare it with.

    Retrainings and steps of a rebase are left out, and all that trained before the model's structure changed.
    """
    found = []
    for version, pace in _paces(state):
        found.append((version, pace))
        if len(found) > BEFORE:
            break
    if len(found) <= BEFORE // 2:
        return None
    (version, pace), *before = found
    usual = statistics.median(one for _, one in before)
    if pace >= SLOW * usual:
        return None
    return SlowerTraining(version=version, steps_per_second=pace, usual=usual, of=len(before))


def _paces(state: LineageState) -> Iterator[tuple[int, float]]:
    """Versions and their steps a second, the newest first."""
    for number in reversed(state.versions):
        one = state.versions[number]
        at = one.trained_at
        if at is None or not one.ordinary:
            continue
        if at[1] >= SHORTEST and one.trained is not None and one.trained.step > 0:
            yield number, one.trained.step / at[1]
        if one.transferred:
            return
