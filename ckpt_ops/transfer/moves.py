"""A transfer as values: what happens to each variable, on each axis, and what speaks against it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from math import prod

from ckpt_ops.transfer.matching import is_weight
from ckpt_ops.transfer.structure import Spec


class Move(StrEnum):
    """What happens to a variable."""

    CARRIED = "carried"
    """As it is in the parent."""
    RENAMED = "renamed"
    """As it is in the parent, under another name."""
    MAPPED = "mapped"
    """The parent's values, some at other positions: they follow what they stand for."""
    GROWN = "grown"
    """The parent's values, and new ones beside them."""
    CUT = "cut"
    """Some positions of the parent's are gone."""
    NEW = "new"
    """As `build_model()` initializes it."""
    RESET = "reset"
    """It belongs to an optimizer or a generator, and starts afresh or is gone."""
    DROPPED = "dropped"
    """Only the parent has it."""


@dataclass(frozen=True, kw_only=True)
class AxisMove:
    """One axis of a variable.

    Attributes:
        at: for each position of today, the position in the parent, -1 for a new one; None: each stays in
            place, and new ones come last.
    """

    before: int
    after: int
    at: tuple[int, ...] | None = None

    @property
    def kept(self) -> int:
        """How many of the parent's positions go on."""
        return min(self.before, self.after) if self.at is None else sum(one >= 0 for one in self.at)

    @property
    def moved(self) -> bool:
        """Whether a value stands at another position than in the parent."""
        return self.at is not None and any(one not in (-1, place) for place, one in enumerate(self.at))


@dataclass(frozen=True, kw_only=True)
class Variable:
    """What happens to one variable.

    Attributes:
        name: today's name; the parent's if the variable is dropped.
        source: the parent's name; "" if the variable is new.
        axes: the axes of a variable that is larger, smaller or moved; empty if it is taken as it is.
        zero_along: new positions on this axis start at zero, where the other axes are not new.
        like: for a moving average, the variable of today whose values it starts with; "": those that
            `build_model()` made.
    """

    name: str
    move: Move
    source: str = ""
    before: Spec | None = None
    after: Spec | None = None
    axes: tuple[AxisMove, ...] = ()
    zero_along: int | None = None
    like: str = ""

    @property
    def as_it_was(self) -> bool:
        """Whether it is restored from the parent under the same name, byte for byte."""
        return self.move is Move.CARRIED and self.name == self.source and self.before == self.after

    @property
    def kept(self) -> int:
        """How many of the parent's values go on."""
        if self.before is None or self.after is None or self.move is Move.NEW:
            return 0
        return prod(axis.kept for axis in self.axes) if self.axes else prod(self.before.shape)


@dataclass(frozen=True, kw_only=True)
class Transfer:
    """The whole plan.

    Attributes:
        variables: in the order of today's model; those that only the parent has come last.
        changed: what differs of what layers hold beside variables, by place: see `layer_state`.
        objections: why the transfer is refused, in sentences; empty if it is not.
        next: what to write so that it is not refused.
    """

    variables: tuple[Variable, ...]
    changed: Mapping[str, str]
    objections: tuple[str, ...] = ()
    next: str = ""

    @property
    def weights(self) -> tuple[Variable, ...]:
        """The variables that belong to neither an optimizer nor a generator."""
        return tuple(one for one in self.variables if is_weight(one.name))

    @property
    def share_kept(self) -> float:
        """The share of the parent's weights that go on, by number of values."""
        before = sum(prod(one.before.shape) for one in self.weights if one.before is not None)
        return sum(one.kept for one in self.weights) / before if before else 0.0

    @property
    def same(self) -> bool:
        """Whether nothing differs: the checkpoint can be restored as it is."""
        return not self.changed and all(one.as_it_was for one in self.variables)

    @property
    def message(self) -> str:
        """How many variables go which way, and how much of the parent's weights is kept."""
        count = Counter(one.move for one in self.weights)
        told = ", ".join(f"{count[move]} {move}" for move in Move if count[move])
        reset = sum(one.move is Move.RESET for one in self.variables)
        return (
            f"weights: {told}; {self.share_kept:.1%} of the parent's kept"
            f"{f'; {reset} variables of optimizers and generators start afresh or go' if reset else ''}"
        )
