"""Pieces of Python files, laid out as ruff would: imports, docstrings, times."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime

WIDTH = 110
FUTURE = "from __future__ import annotations\n"


def imports_code(names: Mapping[str, Sequence[str]]) -> str:
    """Sorted and wrapped as by ruff: all of them are this project's own."""
    return "".join(_import(module, _as_sorted(these)) for module, these in sorted(names.items()))


def _import(module: str, names: Sequence[str]) -> str:
    line = f"from {module} import {', '.join(names)}\n"
    if len(line) <= WIDTH + 1:
        return line
    return "\n".join([f"from {module} import (", *(f"    {name}," for name in names), ")\n"])


def _as_sorted(names: Sequence[str]) -> list[str]:
    """Constants, then classes, then functions."""
    return sorted(set(names), key=lambda name: (not name.isupper(), not name[0].isupper(), name))


def docstring_code(first: str, more: str = "") -> str:
    """Of a module."""
    return f'"""{first}\n\n{more}\n"""\n' if more else f'"""{first}"""\n'


def time_code(time: datetime) -> str:
    """A time in UTC, to the minute."""
    hour = f", {time.hour}" if time.hour or time.minute else ""
    minute = f", {time.minute}" if time.minute else ""
    return f"datetime({time.year}, {time.month}, {time.day}{hour}{minute}, tzinfo=UTC)"


def tuple_code(values: Sequence[str]) -> str:
    """A tuple of values that are code already."""
    return f"({', '.join(values)}{',' if len(values) == 1 else ''})"
