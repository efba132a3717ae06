"""A verdict on one promise."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from ckpt_ops.errors import CkptOpsError


class Broken(Exception):
    """A promise is not kept; the message says how, and what to do."""


@dataclass(frozen=True, kw_only=True)
class Check:
    """One promise of a source.

    Attributes:
        name: the promise, such as "reading twice gives the same rows".
        message: what was found; if the promise is broken, where, and what to do.
    """

    name: str
    passed: bool
    message: str


def checked(name: str, look: Callable[[], str]) -> Check:
    """The verdict of `look`, which returns what it found, or raises."""
    try:
        return Check(name=name, passed=True, message=look())
    except Broken as error:
        return Check(name=name, passed=False, message=str(error))
    except CkptOpsError as error:
        return Check(name=name, passed=False, message=f"{type(error).__name__}: {error.what}")
    except Exception as error:  # noqa: BLE001 - the source is the user's code: whatever it raises is the finding
        return Check(name=name, passed=False, message=f"raised {type(error).__name__}: {error}")
