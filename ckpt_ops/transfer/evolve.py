"""What a changed model may do with the weights of its parent: a setting of the pipeline."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from fnmatch import fnmatchcase

from ckpt_ops.errors import BadInput
from ckpt_ops.former_columns import FormerNames, check_shape
from ckpt_ops.transfer.history import History
from ckpt_ops.wire_names import wire

IN_PLACE = "in place"
"""In `Evolve.placed`: every position keeps its values, on every axis; new positions come last."""


@wire("Placed")
@dataclass(frozen=True, kw_only=True)
class Placed:
    """Where on one axis the parent's values go; the other axes stay in place.

    Attributes:
        axis: of the variable, from 0.
        at: for each position of today, the position in the parent, or None for a new one.
    """

    axis: int
    at: Sequence[int | None]

    def __post_init__(self) -> None:
        object.__setattr__(self, "at", tuple(self.at))
        if not _is_position(self.axis):
            raise BadInput("Placed.axis", self.axis, "a number of an axis, from 0")
        taken = [one for one in self.at if one is not None]
        if not self.at or not all(map(_is_position, taken)):
            raise BadInput("Placed.at", self.at, "positions in the parent, from 0, or None for what is new")
        if len(set(taken)) < len(taken):
            raise BadInput("Placed.at", self.at, "each position of the parent once")


@wire("Evolve")
@dataclass(frozen=True, kw_only=True)
class Evolve:
    """What happens to the parent's variables when `build_model()` is different from then.

    A variable of the same name, shape and dtype is carried over as it is. A larger one is grown: the parent's
    values keep their meaning, and the rest is as `build_model()` initializes it. A new one is as
    `build_model()` initializes it. Trained values are dropped only if `drop` allows it. Names are those that
    `ckpt-ops plan MODEL` shows, such as "hidden_1/kernel"; patterns are as in a shell: "side/*".

    Attributes:
        renamed: the parent's name of a layer or a variable, and today's: {"dense": "hidden"}.
        drop: patterns of variables, by the parent's names, that may lose values: all, or some positions.
        zero_new_inputs: weights that read a new input, or a new unit of the layer before, start at zero, so
            that the model predicts at first what the parent predicts. False: as initialized.
        placed: where the parent's values go in variables whose positions ckpt-ops does not understand, by
            pattern of today's names: `IN_PLACE`, or a `Placed`.
        changed: patterns of what layers hold beside variables (a mean, a vocabulary) that may differ.
        retrain: what a candidate that begins with a transfer sees again of its history; None: what `replay`
            draws.
        columns: columns that were renamed at the source, as the kept code of older versions reads them, and
            today's: {"dep_delay": "departure_delay"}. That code alone is given rows with both names; a
            column that was renamed twice has two former names. It shapes no weights, and is in no id.
    """

    renamed: Mapping[str, str] = field(default_factory=dict)
    drop: Sequence[str] = ()
    zero_new_inputs: bool = True
    placed: Mapping[str, Placed | str] = field(default_factory=dict)
    changed: Sequence[str] = ()
    retrain: History | None = None
    columns: FormerNames = field(default_factory=dict)

    def __post_init__(self) -> None:
        for name in ("drop", "changed"):
            value = getattr(self, name)
            if isinstance(value, str) or not all(isinstance(one, str) and one for one in value):
                raise BadInput(f"Evolve.{name}", value, 'patterns of names: ("side/*",)')
            object.__setattr__(self, name, tuple(value))
        if not isinstance(self.zero_new_inputs, bool):
            raise BadInput("Evolve.zero_new_inputs", self.zero_new_inputs, "True or False")
        if not isinstance(self.retrain, History | None):
            raise BadInput("Evolve.retrain", self.retrain, "History(slices=8, max_steps=400), or None")
        check_shape(self.columns)
        for old, new in self.renamed.items():
            if not (isinstance(old, str) and old and isinstance(new, str) and new):
                raise BadInput("Evolve.renamed", {old: new}, 'names: {"dense": "hidden"}')
        claimed = [new for new in self.renamed.values() if list(self.renamed.values()).count(new) > 1]
        if claimed:
            sources = sorted(old for old, new in self.renamed.items() if new == claimed[0])
            raise BadInput(
                "Evolve.renamed",
                dict.fromkeys(sources, claimed[0]),
                f"one name of the parent's for {claimed[0]}",
            )
        for pattern, place in self.placed.items():
            if place != IN_PLACE and not isinstance(place, Placed):
                raise BadInput(
                    "Evolve.placed", {pattern: place}, f'"{IN_PLACE}", or Placed(axis=0, at=(0, 1, None))'
                )

    def name_today(self, name: str) -> str:
        """Today's name of what the parent calls `name`, by the longest entry of `renamed` that fits."""
        for old in sorted(self.renamed, key=len, reverse=True):
            if name == old or name.startswith(f"{old}/"):
                return f"{self.renamed[old]}{name.removeprefix(old)}"
        return name

    def layer_today(self, name: str) -> str:
        """Today's name of the layer that the parent calls `name`, in whatever nested model it is."""
        ends = {old.rpartition("/")[2]: new.rpartition("/")[2] for old, new in self.renamed.items()}
        return ends.get(name, name)

    def may_drop(self, name: str) -> bool:
        """Whether the variable that the parent calls `name` may lose values."""
        return matches(name, self.drop)

    def place_of(self, name: str) -> Placed | str | None:
        """What `placed` says of today's variable `name`; None if it says nothing."""
        return next((place for pattern, place in self.placed.items() if matches(name, (pattern,))), None)


def matches(name: str, patterns: Iterable[str]) -> bool:
    """Whether a name fits one of the patterns."""
    return any(fnmatchcase(name, pattern) for pattern in patterns)


def _is_position(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value >= 0
