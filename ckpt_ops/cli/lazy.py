"""A group of commands whose modules are imported when one of them is asked for, and not to list them."""

from __future__ import annotations

import inspect
from collections import UserDict
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module
from typing import Any

import typer
from typer.core import TyperCommand, TyperGroup
from typer.main import get_command, get_group

from ckpt_ops.cli.commands import COMMANDS, Command


class Listed(TyperCommand):
    """A command as the table has it; `load` gives the one that runs."""

    def __init__(self, entry: Command) -> None:
        super().__init__(entry.name, help=entry.summary, rich_help_panel=entry.group.value)
        self.entry = entry

    def load(self) -> Any:
        """Imports its module."""
        module, _, name = self.entry.code.partition(":")
        found = getattr(import_module(f"ckpt_ops.cli.{module}"), name)
        if isinstance(found, typer.Typer):
            return _reflowed(get_group(found))
        alone = typer.Typer(add_completion=False)
        alone.command(self.entry.name, rich_help_panel=self.entry.group.value)(found)
        return _reflowed(get_command(alone))


class Loading(UserDict[str, Any]):
    """Commands by name; one is loaded when it is taken out."""

    def __getitem__(self, name: str) -> Any:
        if isinstance(self.data[name], Listed):
            self.data[name] = self.data[name].load()
        return self.data[name]


class LazyGroup(TyperGroup):
    """The commands of the table. Whoever takes one gets the one that runs; help and completion list them."""

    def __init__(self, **settings: Any) -> None:
        super().__init__(**settings)
        self._table = {entry.name: Listed(entry) for entry in COMMANDS}
        self.commands = Loading(self._table)
        self._listing = False

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        return self._table.get(cmd_name) if self._listing else super().get_command(ctx, cmd_name)

    def list_commands(self, ctx: Any) -> list[str]:
        return list(self._table)

    def format_help(self, ctx: Any, formatter: Any) -> None:
        with self._only_listed():
            super().format_help(ctx, formatter)

    def shell_complete(self, ctx: Any, incomplete: str) -> Any:
        with self._only_listed():
            return super().shell_complete(ctx, incomplete)

    @contextmanager
    def _only_listed(self) -> Iterator[None]:
        self._listing = True
        try:
            yield
        finally:
            self._listing = False


def _reflowed(command: Any) -> Any:
    """The command and those below, a paragraph of help in one line: Typer keeps a docstring's line breaks."""
    paragraphs = inspect.cleandoc(command.help or "").split("\n\n")
    command.help = "\n\n".join(" ".join(paragraph.split()) for paragraph in paragraphs)
    for below in getattr(command, "commands", {}).values():
        _reflowed(below)
    return command
