"""Carries out a transfer: the values that today's variables begin with."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from ckpt_ops.transfer.moves import AxisMove, Move, Transfer, Variable

Array = npt.NDArray[Any]


def carried(
    transfer: Transfer, parent: Mapping[str, Array], initial: Mapping[str, Array]
) -> dict[str, Array]:
    """What each of today's variables begins with, by name. What the plan does not name is left out.

    Args:
        parent: the parent's tensors, by the parent's names.
        initial: today's variables as `build_model()` initialized them. They are not changed.
    """
    today = [one for one in transfer.variables if one.after is not None]
    values: dict[str, Array] = {}
    for variable in sorted(today, key=lambda one: one.like != ""):
        base = values[variable.like] if variable.like else initial[variable.name]
        values[variable.name] = _value(variable, parent, base)
    return {one.name: values[one.name] for one in today}


def _value(variable: Variable, parent: Mapping[str, Array], base: Array) -> Array:
    if not variable.source or variable.move in (Move.NEW, Move.RESET):
        return base.copy()
    source = parent[variable.source]
    if not variable.axes:
        return source.astype(base.dtype, copy=True)
    value = base.copy()
    if variable.zero_along is not None:
        value[_new_along(variable.zero_along, variable.axes)] = 0
    here, there = zip(*map(_places, variable.axes), strict=True)
    value[np.ix_(*here)] = source[np.ix_(*there)].astype(value.dtype)
    return value


def _places(axis: AxisMove) -> tuple[npt.NDArray[np.intp], npt.NDArray[np.intp]]:
    """The positions of today that come from the parent, and their positions there."""
    if axis.at is None:
        both = np.arange(axis.kept)
        return both, both
    at = np.asarray(axis.at, np.intp)
    here = np.flatnonzero(at >= 0)
    return here, at[here]


def _new_along(along: int, axes: tuple[AxisMove, ...]) -> tuple[npt.NDArray[np.intp], ...]:
    """The new positions of one axis, where the other axes are not new."""

    def each() -> Iterator[npt.NDArray[np.intp]]:
        for number, axis in enumerate(axes):
            here, _ = _places(axis)
            yield np.setdiff1d(np.arange(axis.after), here) if number == along else here

    return np.ix_(*each())
