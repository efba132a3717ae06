"""Every command of `ckpt-ops` as Markdown, read from the Typer application."""

from __future__ import annotations

import inspect
from collections import Counter
from collections.abc import Iterator
from enum import Enum
from pathlib import Path
from typing import Any

import typer.main

PROGRAM = "ckpt-ops"
_MANY = 8  # commands that share an option
_KINDS = {int: "INTEGER", float: "NUMBER", Path: "PATH"}


def command_reference(app: typer.Typer, *, level: int = 2) -> str:
    """A section for each command, below its panel's heading where `--help` has panels.

    Options that mean the same in many commands are described once, at the top.
    """
    root: Any = typer.main.get_command(app)
    rows = Counter(
        row for command in _leaves(root) for parameter in command.params if (row := _row(parameter))
    )
    common = [row for row, times in rows.items() if times >= _MANY and row.startswith("| `--")]
    parts = [f"{'#' * level} Common options", "", "| | | default |", "|---|---|---|", *common, ""]
    return "\n".join([*parts, *_lines(root, level, frozenset(common))]) + "\n"


def _leaves(command: Any) -> Iterator[Any]:
    below = getattr(command, "commands", {})
    for each in below.values():
        yield from _leaves(each)
    if not below:
        yield command


def _lines(root: Any, level: int, common: frozenset[str]) -> Iterator[str]:
    panels: dict[str, list[tuple[str, Any]]] = {}
    for name, command in root.commands.items():
        if not command.hidden:
            panels.setdefault(_panel(command), []).append((f"{PROGRAM} {name}", command))
    for panel, commands in panels.items():
        if panel:
            yield from [f"{'#' * level} {panel}", ""]
        for name, command in commands:
            yield from _command(name, command, level + bool(panel), common)


def _panel(command: Any) -> str:
    panel = getattr(command, "rich_help_panel", None)
    return panel if isinstance(panel, str) else ""


def _command(name: str, command: Any, level: int, common: frozenset[str]) -> Iterator[str]:
    below = getattr(command, "commands", {})
    yield from [f"{'#' * level} {name}", ""]
    if not below:
        yield from ["```text", _usage(name, command), "```", ""]
    help_ = inspect.cleandoc(command.help or "").replace("\b\n", "").split("\f")[0]
    yield from [_escaped(help_), ""]
    rows = {row: parameter for parameter in command.params if (row := _row(parameter))}
    own = [row for row in rows if row not in common]
    if own:
        yield from ["| | | default |", "|---|---|---|", *own, ""]
    if shared := [f"`{parameter.opts[0]}`" for row, parameter in rows.items() if row in common]:
        yield from [f"Also [{', '.join(shared)}](#common-options).", ""]
    for sub, inner in below.items():
        yield from _command(f"{name} {sub}", inner, level + 1, common)


def _usage(name: str, command: Any) -> str:
    parts = [name]
    for parameter in command.params:
        if parameter.param_type_name == "argument":
            shown = _metavar(parameter).strip("[]")
            parts.append(shown if parameter.required else f"[{shown}]")
        elif parameter.required:
            parts.append(f"{parameter.opts[0]} {_metavar(parameter)}")
    if any(each.param_type_name == "option" and not each.required for each in command.params):
        parts.append("[OPTIONS]")
    return " ".join(parts)


def _row(parameter: Any) -> str:
    """One argument or option. "" for what every command has."""
    if parameter.name in ("help", "install_completion", "show_completion") or getattr(
        parameter, "hidden", False
    ):
        return ""
    text = _escaped(inspect.cleandoc(getattr(parameter, "help", None) or "")).replace("|", "\\|")
    text = " ".join(text.split())
    if parameter.param_type_name == "argument":
        return f"| `{_metavar(parameter)}` | {text} | {_default(parameter)} |"
    names = ", ".join(f"`{option}`" for option in (*parameter.opts, *parameter.secondary_opts))
    value = "" if parameter.is_flag else f" `{_metavar(parameter)}`".replace("|", "\\|")
    variable = f" (`{parameter.envvar}`)" if getattr(parameter, "envvar", None) else ""
    return f"| {names}{value} | {text}{variable} | {_default(parameter)} |"


def _metavar(parameter: Any) -> str:
    if parameter.metavar:
        return str(parameter.metavar)
    kind = parameter.type_descriptor.annotation
    if isinstance(kind, type) and issubclass(kind, Enum):
        return "|".join(str(choice.value) for choice in kind)
    if parameter.param_type_name == "argument":
        return str(parameter.name).strip("_").upper()
    return _KINDS.get(kind, "TEXT")


def _default(parameter: Any) -> str:
    default = parameter.default
    if parameter.required:
        return "required"
    if default is None or callable(default) or default in (False, (), [], ""):
        return ""
    return f"`{getattr(default, 'value', default)}`"


def _escaped(text: str) -> str:
    """Help is plain text: what Markdown or HTML would take for markup is kept as it stands."""
    parts = text.split("`")
    parts[::2] = [part.replace("<", "&lt;").replace("*", "\\*").replace("_", "\\_") for part in parts[::2]]
    return "`".join(parts)
