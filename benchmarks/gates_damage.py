"""What may be wrong with a week of flights, and how their world may change."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from ckpt_ops.training import Examples

Minutes = npt.NDArray[np.float64]
Random = np.random.Generator


@dataclass(frozen=True, kw_only=True)
class Damage:
    """What may happen to a week on its way.

    Attributes:
        other: how many weeks on lies the other week that it takes something of.
        apply: the damaged week, of the week, the other one and a generator.
    """

    title: str
    apply: Callable[[Examples, Examples, Random], Examples]
    other: int = 0


def _shuffled(share: float) -> Damage:
    def apply(week: Examples, other: Examples, random: Random) -> Examples:
        rows = np.flatnonzero(random.random(week.rows) < share)
        labels = week.labels.copy()
        labels[rows] = labels[random.permutation(rows)]
        return replace(week, labels=labels)

    return Damage(title=f"{share:.0%} of the labels shuffled", apply=apply)


def _labelled(title: str, labels: Callable[[Examples, Examples], Any], *, other: int = 0) -> Damage:
    def apply(week: Examples, other: Examples, random: Random) -> Examples:
        return replace(week, labels=labels(week, other).astype(week.labels.dtype))

    return Damage(title=title, apply=apply, other=other)


def _input(title: str, name: str, column: Callable[[Any], Any]) -> Damage:
    def apply(week: Examples, other: Examples, random: Random) -> Examples:
        changed = column(week.inputs[name]).astype(week.inputs[name].dtype)
        return replace(week, inputs={**week.inputs, name: changed})

    return Damage(title=title, apply=apply)


DAMAGES: Mapping[str, Damage] = {
    "shuffled-10": _shuffled(0.1),
    "shuffled-30": _shuffled(0.3),
    "shuffled-100": _shuffled(1.0),
    "all-late": _labelled("every flight late", lambda week, other: np.ones(week.rows)),
    "none-late": _labelled("no flight late", lambda week, other: np.zeros(week.rows)),
    "another-week": _labelled(
        "another week's labels", lambda week, other: np.resize(other.labels, week.rows), other=17
    ),
    "inverted": _labelled("labels inverted", lambda week, other: 1 - week.labels),
    "invented-dest": _input(
        "every dest invented", "dest", lambda column: np.array([f"{n:03X}" for n in range(len(column))])
    ),
    "hours": _input("hours shifted by 5", "hour", lambda column: (column + 5) % 24),
    "redelivered": Damage(
        title="the week before once more", apply=lambda week, other, random: other, other=-1
    ),
}


# --- worlds that change -------------------------------------------------------------------------


def _after(minutes: float) -> Callable[[Minutes, Any], Any]:
    return lambda delay, carrier: delay > minutes


def _by_carrier(delay: Minutes, carrier: Any) -> Any:
    """Half of the carriers are late at once, the others after three quarters of an hour."""
    return delay > np.where(carrier < "F", 0, 45)


WORLDS: Mapping[str, Callable[[Minutes, Any], Any]] = {
    "late-after-30": _after(30),
    "late-by-carrier": _by_carrier,
}
"""Which flights are late from some week on, by the minutes and the carrier of each."""
