"""What commands that look at data show while they do, and of the folder that they write."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from rich.markup import escape

from ckpt_ops.cli import output
from ckpt_ops.printable import printable


@contextmanager
def looking() -> Iterator[Callable[[str], object]]:
    """One line on standard error that says what is being done; without a terminal, a line for each."""
    console = output.console(stderr=True)
    if not sys.stderr.isatty():
        yield lambda text: console.print(f"{text} ...", soft_wrap=True)
        return
    with console.status("looking") as status:
        yield lambda text: status.update(escape(printable(text)))


def shown(folder: Path) -> str:
    """The folder, relative to the working directory where that is shorter."""
    return str(folder.relative_to(Path.cwd())) if folder.is_relative_to(Path.cwd()) else str(folder)
