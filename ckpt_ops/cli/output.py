"""What a command prints: JSON for scripts, text and tables for people, and how far it has come.

What a person wrote and what came as data is never read as markup, and never steers the terminal: all that a
command prints goes through `answer`, `console` or `note`.
"""

from __future__ import annotations

import json as json_format
import re
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Annotated, Any, Generic, TypeVar

import typer
from rich.console import Console
from rich.text import Text

from ckpt_ops.printable import printable

if TYPE_CHECKING:
    from rich.console import RenderableType
    from rich.live import Live

Json = Annotated[bool, typer.Option("--json", help="Print JSON and nothing else.")]
View = TypeVar("View")

_WIDTH_OF_A_FILE = 160
STEPS = re.compile(r"step (\d+)/(\d+)\b")
BESIDE_STEPS = ("checkpoint at step ", "step ")
"""How lines of a training begin: `worker.StepsDone`, and what is told between two of them."""


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


def text(lines: str) -> None:
    """Lines for another program, on standard output, which a console would wrap."""
    sys.stdout.write(printable(lines))


def note(line: str) -> None:
    """A line on standard error: how far it has come, or why it ended."""
    typer.echo(printable(line), err=True)


def nothing(line: str) -> None:
    """Discard a line, where reports are TensorFlow's or repeat the answer."""


class Redrawn(Generic[View]):
    """What changes while a command runs: drawn over again in a terminal, else a line for each change."""

    def __init__(self, draw: Callable[[View], RenderableType], live: Live | None, *, json: bool) -> None:
        self._draw, self._live, self._json = draw, live, json

    @property
    def live(self) -> bool:
        """Whether it is drawn over again, so that the same view may be shown twice."""
        return self._live is not None

    def show(self, view: View, line: str, fields: object) -> None:
        """The view as it is now; as a line of text; and as JSON has it."""
        if self._json:
            self._json_line(fields)
        elif self._live is not None:
            self._live.update(self._draw(view), refresh=True)
        else:
            self._say(line)

    def end(self, fields: object, line: str) -> None:
        """What came of it, below what was shown last."""
        if self._json:
            self._json_line(fields)
        else:
            self._say(line)

    def _say(self, line: str) -> None:
        (console() if self._live is None else self._live.console).print(line, soft_wrap=True)

    @staticmethod
    def _json_line(fields: object) -> None:
        sys.stdout.write(json_format.dumps(fields) + "\n")
        sys.stdout.flush()


@contextmanager
def redrawn(draw: Callable[[View], RenderableType], *, json: bool) -> Iterator[Redrawn[View]]:
    """For a command that follows something."""
    if json or not sys.stdout.isatty():
        yield Redrawn(draw, None, json=json)
        return
    from rich.live import Live

    with Live(console=console(), auto_refresh=False) as live:
        yield Redrawn(draw, live, json=False)


@contextmanager
def saying() -> Iterator[Callable[[str], None]]:
    """As `say`; in a terminal, the steps of a training are a bar below the lines instead of lines."""
    if not sys.stdout.isatty():
        yield say
        return
    from rich.progress import BarColumn, Progress, TextColumn

    shown = console()
    columns = (BarColumn(bar_width=24), TextColumn("{task.description}", markup=False))
    with Progress(*columns, console=shown, transient=True) as bar:
        task = bar.add_task("", visible=False)

        def line(text: str) -> None:
            steps = STEPS.match(text)
            if steps is not None:
                done, last = int(steps[1]), int(steps[2])
                bar.update(task, description=printable(text), completed=done, total=last, visible=True)
                return
            if not text.startswith(BESIDE_STEPS):
                bar.update(task, visible=False)
            shown.print(text, soft_wrap=True)

        yield line


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
