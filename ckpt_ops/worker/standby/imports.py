"""What a kind of work imports, by names: a standby imports them ahead of it."""

from __future__ import annotations

import importlib
import sys
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, kw_only=True)
class Imports:
    """The modules that a kind of work needs, whatever pipeline it is for.

    Attributes:
        name: of the kind: one word of letters. There is one standby of each.
        modules: imported in this order; never a user's.
    """

    name: str
    modules: tuple[str, ...]

    @property
    def text(self) -> str:
        """As one argument of a command."""
        return ",".join((self.name, *self.modules))

    @classmethod
    def of_text(cls, text: str) -> Imports:
        """The inverse of `text`."""
        name, *modules = text.split(",")
        return cls(name=name, modules=tuple(modules))

    def load(self) -> None:
        """Import them into this process."""
        for module in self.modules:
            importlib.import_module(module)


def of_folder(folder: Path) -> list[str]:
    """The names of imported modules whose files lie below `folder`: code of a user, which may change."""
    below = f"{folder.resolve()}/"
    files = ((name, getattr(module, "__file__", None)) for name, module in list(sys.modules.items()))
    return sorted(name for name, file in files if isinstance(file, str) and file.startswith(below))
