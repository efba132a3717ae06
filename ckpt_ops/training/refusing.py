"""The errors for what `examples()` returned."""

from __future__ import annotations

from collections.abc import Callable

from ckpt_ops.errors import ModelCodeError

Refuse = Callable[[str, str], ModelCodeError]
"""Makes an error of what is wrong with a column, without its name, and what to do."""


def unusable(what: str, next: str, *, by: str = "examples()") -> ModelCodeError:
    """The error for what `examples()` returned, or the function `by`."""
    return ModelCodeError(f"{by}: {what}", safe="nothing was trained", next=next)


def refusing(called: str, *, by: str = "examples()") -> Refuse:
    """`unusable` of the column that is called so."""

    def refuse(what: str, next: str) -> ModelCodeError:
        return unusable(f"{called} {what}", next, by=by)

    return refuse
