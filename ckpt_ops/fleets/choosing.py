"""Which models are meant: by a fleet's name, or by a pattern."""

from __future__ import annotations

from collections.abc import Sequence
from fnmatch import fnmatchcase

from ckpt_ops.errors import BadInput
from ckpt_ops.pipeline.naming import SEPARATOR
from ckpt_ops.printable import first_few

_WILD = "*?["


def is_pattern(asked: str) -> bool:
    """Whether it can only be a pattern, as no model has such a name."""
    return any(mark in asked for mark in _WILD)


def beginning(asked: str) -> str:
    """How the names of all models that are meant begin; see `several`."""
    if not is_pattern(asked):
        return asked + SEPARATOR
    return asked[: min(at for mark in _WILD if (at := asked.find(mark)) >= 0)]


def several(asked: str, names: Sequence[str]) -> list[str] | None:
    """The models that are meant, of those that there are and in their order; None: one model's name is meant.

    Args:
        asked: a pattern, as a shell has it ("flights_by_carrier.*"), or a fleet's name: all of its members.
        names: of all models.

    Raises:
        BadInput: no model fits a pattern.
    """
    if is_pattern(asked):
        found = [name for name in names if fnmatchcase(name, asked)]
        if not found:
            known = first_few(names, 8) or "there is none yet"
            raise BadInput("model", asked, f"a pattern that a model's name fits: {known}")
        return found
    if asked in names:
        return None
    return [name for name in names if name.startswith(asked + SEPARATOR)] or None
