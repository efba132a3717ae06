"""What a command prints: JSON for scripts, text and tables for people, and how far it has come.

What a person wrote and what came as data is never read as markup, and never steers the terminal: all that a
command prints goes through `answer`, `console` or `note`.
"""

from __future__ import annotations

import json as json_format
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Annotated, Any, TypeVar

import typer
from rich.console import Console
from rich.text import Text

from ckpt_ops.printable import printable

Json = Annotated[bool, typer.Option("--json", help="Print JSON and nothing else.")]
View = TypeVar("View")

_WIDTH_OF_A_FILE = 160


class PrintableConsole(Console):
    """A console on which text is `printable`, also that of tables' cells and titles."""

    def render_str(self, text: str, **options: Any) -> Text:
        return super().render_str(printable(text), **options)


def console(*, stderr: bool = False) -> Console:
    """Made for each command: tests and pipes replace standard output."""
    width = None if sys.stdout.isatty() or stderr else _WIDTH_OF_A_FILE
    return PrintableConsole(highlight=False, markup=False, emoji=False, width=width, stderr=stderr)


def answer(view: View, draw: Callable[[View], object], *, json: bool) -> None:
    """What a command found, on standard output: the view as JSON and nothing else, or drawn for people."""
    if json:
        sys.stdout.write(json_format.dumps(view, indent=2) + "\n")
    else:
        draw(view)


def say(line: str) -> None:
    """A line on standard output, whatever its length."""
    console().print(line, soft_wrap=True)


def note(line: str) -> None:
    """A line on standard error: how far it has come, or why it ended."""
    typer.echo(printable(line), err=True)


def nothing(line: str) -> None:
    """Discard a line, where reports are TensorFlow's or repeat the answer."""


@contextmanager
def progress(what: str) -> Iterator[Callable[[int, int], None]]:
    """A bar on standard error, called with how many of how many are done. None without a terminal."""
    if not sys.stderr.isatty():
        yield lambda done, of: None
        return
    from rich.progress import Progress

    with Progress(console=console(stderr=True), transient=True) as bar:
        task = bar.add_task(what, total=None)
        yield lambda done, of: bar.update(task, completed=done, total=of)
