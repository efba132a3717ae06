"""A package whose names load their modules when they are first asked for.

A DAG file names a trigger and a gate; it must not pay for the writer of checkpoints that stands beside them.
The package says what it exports twice: to type checkers by imports below `TYPE_CHECKING`, to the interpreter
by a table. A test keeps the two equal.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable, Mapping
from importlib import import_module
from types import ModuleType
from typing import Any


def on_first_use(package: str, table: Mapping[str, str], *, former: Mapping[str, str] | None = None) -> None:
    """Make the names of a table attributes of a package; each loads its module when it is first asked for.

    Args:
        package: the package's `__name__`, whose `__init__` calls this at its end.
        table: by module, the names that come from it, separated by spaces.
        former: by a name of earlier versions, the one in the table that it stands for.
    """
    module = sys.modules[package]
    module.__class__ = _Package
    homes = {name: (home, name) for home, names in table.items() for name in names.split()}
    vars(module)["_homes"] = homes | {old: homes[new] for old, new in (former or {}).items()}


class _Package(ModuleType):
    _homes: dict[str, tuple[str, str]]

    def __getattr__(self, name: str) -> Any:
        if name not in self._homes:
            raise AttributeError(f"module {self.__name__!r} has no attribute {name!r}")
        home, inside = self._homes[name]
        found = vars(self)[name] = getattr(import_module(home), inside)
        return found

    def __setattr__(self, name: str, value: object) -> None:
        # Python sets each submodule that it has imported; `slices.pull` is the function, not the module
        if not (isinstance(value, ModuleType) and name in self._homes):
            super().__setattr__(name, value)

    def __dir__(self) -> Iterable[str]:
        return sorted({*vars(self), *self._homes})
