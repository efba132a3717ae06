"""Errors of ckpt_ops on their way from one process to another: class, what, safe, next, and attributes.

The class is passed by name, with its base classes, nearest first. The process that waits takes the first one
that it can get without running code of others: from a module that it has imported, or from ckpt_ops. A user's
own `class TableLocked(SourceUnavailable)` arrives as what a scheduler has to know, a `SourceUnavailable`.
"""

from __future__ import annotations

import importlib
import sys
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from ckpt_ops.errors import CkptOpsError, TerminalError

_GIVEN = ("what", "safe", "next")


@dataclass(frozen=True, kw_only=True)
class Raised:
    """An error, as it crosses.

    Attributes:
        classes: as `module:name`, nearest first.
        more: its other attributes; what JSON does not have, as its `repr`.
    """

    classes: tuple[str, ...]
    what: str
    safe: str
    next: str
    more: Mapping[str, Any]

    @classmethod
    def of(cls, error: CkptOpsError) -> Raised:
        own = (kind for kind in type(error).__mro__ if issubclass(kind, CkptOpsError))
        return cls(
            classes=tuple(f"{kind.__module__}:{kind.__qualname__}" for kind in own),
            what=error.what,
            safe=error.safe,
            next=error.next,
            more={
                name: value if isinstance(value, None | bool | int | float | str) else repr(value)
                for name, value in vars(error).items()
                if name not in _GIVEN and not name.startswith("__")
            },
        )

    def error(self) -> CkptOpsError:
        """The error, to be raised here."""
        kind = _nearest(self.classes)
        made: CkptOpsError = kind.__new__(kind)
        CkptOpsError.__init__(made, self.what, safe=self.safe, next=self.next)
        for name, value in self.more.items():
            setattr(made, name, value)
        return made


def _nearest(names: Sequence[str]) -> type[CkptOpsError]:
    for name in names:
        module, _, path = name.partition(":")
        ours = module.startswith("ckpt_ops.") and "__" not in module
        found: Any = None
        with suppress(ImportError):
            found = sys.modules.get(module) or (importlib.import_module(module) if ours else None)
        for part in path.split("."):
            found = getattr(found, part, None)
        if isinstance(found, type) and issubclass(found, CkptOpsError):
            return found
    return TerminalError
